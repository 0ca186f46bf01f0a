"""Data as scripts: a page opened from the disk can't fetch a file, but it can add a script."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

# The three that mean something in HTML. Everything outside ASCII is escaped by json: so are U+2028 and U+2029.
_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def data(key: str, value: Any) -> str:
    """One call, `rveval_data(KEY, VALUE)`, in ASCII, that means the same wherever it stands."""
    return f"rveval_data({_json(key)},{_json(value)});\n"


def write_data(folder: Path, key: str, value: Any) -> None:
    """Write `KEY.js` into a folder of data."""
    (folder / f"{key}.js").write_text(data(key, value), encoding="ascii")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).translate(_ESCAPES)
