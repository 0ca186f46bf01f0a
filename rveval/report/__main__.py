"""`python -m rveval.report study=NAME`. See --help."""

import sys

from rveval.report import main

if __name__ == "__main__":
    sys.exit(main())
