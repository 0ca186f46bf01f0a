"""`python -m rveval.report study=NAME`. See --help."""

import sys

from rveval.show.report import main

if __name__ == "__main__":
    sys.exit(main())
