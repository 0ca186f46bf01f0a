"""`python -m rveval.track study=NAME`. See --help."""

import sys

from rveval.show.tracking.verb import main

if __name__ == "__main__":
    sys.exit(main())
