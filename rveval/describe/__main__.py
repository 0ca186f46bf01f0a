"""`python -m rveval.describe model=... vector=... alpha=...`. See --help."""

import sys

from rveval.describe import main

if __name__ == "__main__":
    sys.exit(main())
