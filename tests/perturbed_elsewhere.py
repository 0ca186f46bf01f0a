"""The same items perturbed in other processes, with other hash seeds, in another order."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_SCRIPT = """
import hashlib, sys
from askeditems import items
from rveval.perturb import perturb
family, source, backwards = sys.argv[1], sys.argv[2], sys.argv[3] == "backwards"
asked = list(items(source))[:60]
made = perturb(asked[::-1] if backwards else asked, family, seed=3)
sys.stdout.write(hashlib.sha256(repr(made[::-1] if backwards else made).encode()).hexdigest())
"""


def digests(family: str, source: str) -> set[str]:
    """What the first items of a source hash to under a family, in three processes: one element where they agree."""
    found = set()
    for hash_seed, order in (("0", "forwards"), ("1", "backwards"), ("4242", "forwards")):
        done = subprocess.run(
            [sys.executable, "-c", _SCRIPT, family, source, order],
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
        found.add(done.stdout)
    return found
