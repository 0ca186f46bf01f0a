"""What would be added to a model, before anything is run: `python -m rveval.describe`.

    describing   from a config to what is printed and written
    measure      one tensor at a time: norms, cosines, density, what really changes, the effective rank
    files        vector.json, and the vector as one file
    shown        the table and the heat map
    __main__     the command line

Importing this package does not import torch.
"""

from __future__ import annotations

from rveval.describe.describing import Arguments, describe

__all__ = ["Arguments", "describe"]
