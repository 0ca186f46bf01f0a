"""Texts that want to be more than text, for the tests of what shows model output."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

# Each would set `hacked` on the window, or open a dialog, or ask the network, were it ever taken for markup or code.
SCRIPTS = (
    "<script>window.hacked=1</script>",
    "<img src=x onerror='window.hacked=1'>",
    '"><svg onload=window.hacked=1>',
    "</textarea><script>window.hacked=1</script>",
    "</script><script>window.hacked=1</script>",
    "' onmouseover='window.hacked=1' x='",
    '" autofocus onfocus="window.hacked=1',
    "javascript:window.hacked=1",
    '<a href="javascript:window.hacked=1">click</a>',
    "<iframe srcdoc='<script>parent.hacked=1</script>'></iframe>",
    "<style>body{display:none}</style>",
    "<link rel=stylesheet href=//example.invalid/x.css>",
    "<base href='//example.invalid/'>",
    "<meta http-equiv=refresh content='0;url=//example.invalid/'>",
    "<form action=//example.invalid><input name=a></form>",
    "{{ 7 * 7 }}{% raw %}${alert(1)}`",
    "@{tip}{safe} $$\\alpha$$ \\(x\\) \\[y\\]",
    "</title></head><body onload=window.hacked=1>",
    "<!-- --><![CDATA[ ]]>",
    "&lt;b&gt; &amp;amp; &#0; &#x3c;script&#x3e;",
)
ODD = (
    "\x00\x01\x07\x08\x0b\x0c\x0d\x1b[31m\x7f\x85",
    "\u202egnihtemos\u202c \u2066x\u2069 \u200f\u200e\ufeff",
    "line\u2028separator\u2029paragraph",
    "\ud800 half a character \udfff",
    "🙂👨‍👩‍👧 नमस्ते שלום مرحبا",
    "__proto__",
    "constructor",
    "hasOwnProperty",
    "toString",
    "",
    " ",
    "\n\n\n",
    "%s%n ../../etc/passwd",
)


def everything() -> str:
    """All of them in one text."""
    return "\n".join((*SCRIPTS, *ODD))


NAMES = {
    *("id", "key", "kind", "baseline", "variant", "task", "source", "group", "benchmark", "family", "tone", "call"),
    *("edge", "show", "file", "clean", "verdict", "weights", "created", "members", "axis", "legend"),
}


def poisoned(value: Any, payload: str, name: str = "") -> Any:
    """A report (or a part of it) whose every free text ends in `payload`; names that other names point to stay."""
    if isinstance(value, str):
        return value if name in NAMES else value + payload
    if isinstance(value, dict):
        return {key: poisoned(one, payload, str(key)) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(poisoned(one, payload, name) for one in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value, **{one.name: poisoned(getattr(value, one.name), payload, one.name) for one in fields(value)}
        )
    return value
