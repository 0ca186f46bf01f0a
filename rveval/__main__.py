"""`python -m rveval`: evaluate one variant, or sweep with -m. The script `rveval` takes a verb as its first word."""

import sys
from importlib import import_module

from rveval.cli import main as run

VERBS = ("plan", "describe", "report", "track", "prove", "export", "serve")


def main() -> int:
    """Run the process's command line: `rveval report study=demo` is `python -m rveval.report study=demo`."""
    verb = sys.argv[1] if len(sys.argv) > 1 else ""
    if verb not in VERBS:
        return run()
    status: int = import_module(f"rveval.{verb}").main(sys.argv[2:])
    return status


if __name__ == "__main__":
    sys.exit(main())
