"""Plain values as bytes and back: what crosses between the process that runs a model's code and the one that judges it.

`decode` makes exact builtins, numbers and containers of the standard library and arrays of numbers, whatever came in:
no object whose `__eq__` always says yes, no code, no class. A value is a letter, a length, a colon, and as many bytes:
text, or further values. JSON lacks tuples, sets and long integers, and its import takes longer than a process's start.
"""

from __future__ import annotations

import sys
from _collections_abc import Iterator

TYPE_CHECKING = False  # importing `typing` (or `collections`) costs more than the rest of a start
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, BinaryIO

LARGEST = 4 * 2**20
"""Bytes of one message."""
DEEPEST = 100
"""Levels of one value."""


class Unsendable(Exception):
    """A value that is no plain data: of another type, nested too deeply, or a cycle."""


class TooLarge(Unsendable):
    """A value whose message would pass `LARGEST`."""


class Garbled(Exception):
    """Bytes that are no message."""


def encode(value: object, largest: int = LARGEST) -> bytes:
    """A plain value as bytes: of a class in `_KINDS`, as are its parts. A subclass is sent as the value that it holds.

    Raises:
        Unsendable: anything else.
        TooLarge: more than `largest` bytes.
    """
    left = largest

    def put(value: object, levels: int) -> bytes:
        nonlocal left
        if levels == 0:
            raise Unsendable(f"nested more than {DEEPEST} levels deep")
        for letter, (kind, apart, _) in _KINDS.items():  # noqa: B007
            if isinstance(value, _loaded(kind) if isinstance(kind, str) else kind):
                break
        else:
            raise Unsendable(f"a {type(value).__name__} is no plain value")
        parts = apart(value)
        left -= 3 + (len(parts) if isinstance(parts, bytes) else 0)
        if left < 0:
            raise TooLarge(f"more than {largest} bytes")
        data = parts if isinstance(parts, bytes) else b"".join([put(part, levels - 1) for part in parts])
        return b"%s%d:%s" % (letter, len(data), data)

    return put(value, DEEPEST)


def decode(data: bytes) -> object:
    """The value of bytes that may come from anybody. Raises Garbled: they are not what `encode` makes."""
    try:
        (value,) = _values(data, DEEPEST)
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, MemoryError, ImportError) as error:
        raise Garbled(f"{type(error).__name__}: {error}") from None
    return value


def framed(value: object, largest: int = LARGEST) -> bytes:
    """One message: four bytes of length, then the value. Raises as `encode` does."""
    data = encode(value, largest)
    return len(data).to_bytes(4, "big") + data


def send(stream: BinaryIO, value: object) -> None:
    """Write one message. Raises as `encode` does, before anything is written."""
    stream.write(framed(value))
    stream.flush()


def receive(stream: BinaryIO, largest: int = LARGEST) -> Any:
    """Read one message. Raises EOFError: the other side is gone; TooLarge: it announces more; Garbled: it is none."""
    length = int.from_bytes(head := stream.read(4), "big")
    if length > largest:
        raise TooLarge(f"a message of {length} bytes")
    data = stream.read(length)
    if len(head) + len(data) < 4 + length:
        raise EOFError
    return decode(data)


def _values(data: bytes, levels: int) -> list[Any]:
    """All the values that stand there, one after the other."""
    if levels == 0:
        raise ValueError("too many levels")
    values: list[Any] = []
    at = 0
    while at < len(data):
        letter, colon = data[at : at + 1], data.index(b":", at, at + 12)
        start, at = colon + 1, colon + 1 + int(data[at + 1 : colon])
        if not start <= at <= len(data):
            raise ValueError("a length that is none")
        parts = data[start:at] if letter in _TEXTS else _values(data[start:at], levels - 1)
        kind, _, together = _KINDS[letter]
        values.append(_new(kind, *parts) if together is None else together(parts))
    return values


def _loaded(name: str) -> Any:
    """A class of a module that somebody imported: else no value can be of it."""
    module, _, kind = name.rpartition(".")
    return getattr(sys.modules.get(module), kind, ())


def _new(name: str, *parts: object) -> Any:
    module, _, kind = name.rpartition(".")
    return getattr(__import__(module), kind)(*parts)


def _numbers(array: Any) -> tuple[str, object]:
    if array.dtype.kind not in "biufc":
        raise Unsendable(f"an array of {array.dtype} is no plain value")
    return array.dtype.name, array.tolist()


def _array(parts: list[Any]) -> object:
    name, values = parts
    if not name.isalnum():
        raise ValueError("no kind of numbers")
    return _new("numpy.array", values, name)[()]


def _dict(parts: list[Any]) -> object:
    return dict(zip(*parts, strict=True))


_TEXTS = b"kiufcb"
_SURROGATES = ("utf-8", "surrogatepass")
_CONSTANTS = {b"None": None, b"True": True, b"False": False}
# Of each letter: the class, how a value is taken apart into bytes or parts, and how it is put together. The builtins'
# own methods, called on the class: what a subclass overrides is not asked. None: the class is called with the parts.
_KINDS: dict[bytes, tuple[Any, Callable[[Any], Any], Callable[[Any], object] | None]] = {
    b"k": ((bool, type(None)), lambda value: b"%a" % value, _CONSTANTS.__getitem__),
    b"i": (int, lambda value: b"%x" % int.__index__(value), lambda data: int(data, 16)),
    b"u": (str, lambda value: str.encode(value, *_SURROGATES), lambda data: data.decode(*_SURROGATES)),
    b"f": (float, lambda value: float.hex(value).encode(), lambda data: float.fromhex(data.decode())),
    b"c": (complex, lambda value: complex.__repr__(value).encode(), lambda data: complex(data.decode())),
    b"b": ((bytes, bytearray), bytes, bytes),
    b"l": (list, list.__iter__, list),
    b"t": (tuple, tuple.__iter__, tuple),
    b"d": (dict, lambda value: ([*dict.keys(value)], [*dict.values(value)]), _dict),
    b"s": (set, set.__iter__, set),
    b"z": (frozenset, frozenset.__iter__, frozenset),
    b"r": (range, lambda value: (value.start, value.stop, value.step), lambda parts: range(*parts)),
    b"q": ("collections.deque", lambda value: (list(value),), None),
    b"Q": ("fractions.Fraction", lambda value: (value.numerator, value.denominator), None),
    b"D": ("decimal.Decimal", lambda value: (str(value),), None),
    b"n": ("numpy.generic", _numbers, _array),
    b"a": ("numpy.ndarray", _numbers, _array),
    b"g": (Iterator, iter, iter),
}
