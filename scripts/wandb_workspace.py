"""Save a workspace on W&B that compares the variants of a study: its tables, curves, differences, families, configs.

    python scripts/wandb_workspace.py study=NAME [store=runs] [project=...] [entity=...]     saves it, says where
    python scripts/wandb_workspace.py study=NAME --dry-run                                   prints it, needs no service

Wants `pip install 'rveval[workspace]'`, and the study's mirror on the service (`python -m rveval.track study=NAME
mode=online`). Saving again replaces what was saved for the study before.
"""

from __future__ import annotations

import sys

from rveval.show.tracking import verb

if __name__ == "__main__":
    sys.exit(verb.workspaces(sys.argv[1:], __doc__ or ""))
