"""A served model whose weights can be changed, and are proved to have changed.

`base` says what an engine is, `vllm` and `hf` are the two there are, `proof` shows that a swap did what it says.
"""

from __future__ import annotations

from rveval.engine.base import Answer, Engine, Progress, Request, TokenScore

__all__ = ["Answer", "Engine", "Progress", "Request", "TokenScore"]
