"""`python -m rveval`: evaluate one variant, or sweep with -m. See --help."""

import sys

from rveval.cli import main

if __name__ == "__main__":
    sys.exit(main())
