"""What a checkpoint's files say about tokens: which ones end an answer, how long a context may be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

LONGEST = 4096
"""Context that is served unless the user asks for more: a cache for 32,768 positions is memory nobody uses here."""


def end_tokens(folder: Path, tokenizer: Any) -> tuple[int, ...]:
    """Ids that end an answer: the tokenizer's, and those the model's `generation_config.json` and config name."""
    found = {tokenizer.eos_token_id}
    for name in ("generation_config.json", "config.json"):
        value = _read(folder / name).get("eos_token_id")
        found |= set(value) if isinstance(value, list) else {value}
    return tuple(sorted(token for token in found if token is not None))


def context_length(folder: Path) -> int:
    """Positions to serve: the model's own, at most `LONGEST`."""
    config = _read(folder / "config.json")
    config = config.get("text_config", config)
    return min(int(config.get("max_position_embeddings") or LONGEST), LONGEST)


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text()) if path.exists() else {}
