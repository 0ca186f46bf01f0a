"""Plain values as bytes and back: what crosses between a process that runs a model's code and one that judges it.

Only exact builtins come out of `decode`, whatever came in: an object whose `__eq__` always says yes can't be built on
the other side, nor code, nor a class. A subclass of a builtin is sent as the builtin value that it holds. The format is
like bencode's: a letter, then either length, colon and text, or items up to an `e`.
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
    """A plain value as bytes: None, bool, int, float, complex, str, bytes, list, tuple, set, frozenset, dict, deque,
    range, Fraction, Decimal, and iterators (run to their end), also nested.

    Raises:
        Unsendable: anything else.
        TooLarge: more than `largest` bytes.
    """
    out = bytearray()
    _put(value, out, DEEPEST, largest)
    if len(out) > largest:
        raise TooLarge(f"more than {largest} bytes")
    return bytes(out)


def decode(data: bytes) -> object:
    """The value of bytes that may come from anybody.

    Raises:
        Garbled: not what `encode` makes.
    """
    try:
        value, end = _take(data, 0, DEEPEST)
    except (ValueError, TypeError, IndexError, OverflowError, ArithmeticError, MemoryError) as error:
        raise Garbled(f"{type(error).__name__}: {error}") from None
    if end != len(data):
        raise Garbled("more bytes than the value has")
    return value


def send(stream: BinaryIO, value: object, largest: int = LARGEST) -> None:
    """Write one message: four bytes of length, then the value. Raises as `encode` does, before anything is written."""
    data = encode(value, largest)
    stream.write(len(data).to_bytes(4, "big") + data)


def receive(stream: BinaryIO, largest: int = LARGEST) -> Any:
    """Read one message.

    Raises:
        EOFError: the other side is gone.
        TooLarge: it announces more than `largest` bytes.
        Garbled: it is none.
    """
    length = int.from_bytes(_exactly(stream, 4), "big")
    if length > largest:
        raise TooLarge(f"a message of {length} bytes")
    return decode(_exactly(stream, length))


def _exactly(stream: BinaryIO, count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise EOFError
    return data


def _put(value: object, out: bytearray, levels: int, largest: int) -> None:
    if len(out) > largest:
        raise TooLarge(f"more than {largest} bytes")
    if levels == 0:
        raise Unsendable(f"nested more than {DEEPEST} levels deep")
    if value is None or value is True or value is False:
        out += b"N" if value is None else b"T" if value else b"F"
        return
    for kind, put in _SCALARS:
        if isinstance(value, kind):
            letter, data = put(value)
            if len(data) > largest:
                raise TooLarge(f"more than {largest} bytes")
            out += b"%s%d:%s" % (letter, len(data), data)
            return
    letter, items = _parts(value)
    out += letter
    for item in items:
        _put(item, out, levels - 1, largest)
    out += b"e"


# The builtins' own methods, called on the class: what a subclass overrides is not asked.
_SCALARS: tuple[tuple[Any, Callable[[Any], tuple[bytes, bytes]]], ...] = (
    (int, lambda value: (b"i", b"%x" % int.__index__(value))),
    (str, lambda value: (b"u", str.encode(value, "utf-8", "surrogatepass"))),
    (float, lambda value: (b"f", float.hex(value).encode())),
    (complex, lambda value: (b"c", complex.__repr__(value).encode())),
    ((bytes, bytearray), lambda value: (b"b", bytes(value))),
)

_GROUPS: tuple[tuple[Any, bytes], ...] = ((list, b"l"), (tuple, b"t"), (set, b"s"), (frozenset, b"z"))


def _parts(value: Any) -> tuple[bytes, Iterator[object]]:
    """Letter and items of a container, or of what can be built from a few numbers."""
    for kind, letter in _GROUPS:
        if isinstance(value, kind):
            return letter, kind.__iter__(value)
    if isinstance(value, dict):
        return b"d", (part for pair in dict.items(value) for part in pair)
    if isinstance(value, range):
        return b"r", iter((value.start, value.stop, value.step))
    for module, name, letter in (("collections", "deque", b"q"), ("fractions", "Fraction", b"Q")):
        kind = getattr(sys.modules.get(module), name, None)
        if kind is not None and isinstance(value, kind):
            return letter, iter(value if name == "deque" else (value.numerator, value.denominator))
    decimal = sys.modules.get("decimal")
    if decimal is not None and isinstance(value, decimal.Decimal):
        return b"D", iter((decimal.Decimal.__str__(value),))
    if isinstance(value, Iterator):
        return b"g", value
    raise Unsendable(f"a {type(value).__name__} is no plain value")


def _take(data: bytes, at: int, levels: int) -> tuple[object, int]:
    """The value that starts at a place, and where the next one starts."""
    letter = data[at : at + 1]
    at += 1
    if letter in _CONSTANTS:
        return _CONSTANTS[letter], at
    if letter in _READERS:
        colon = data.index(b":", at, at + 12)
        end = colon + 1 + int(data[at:colon])
        if not colon < end <= len(data):
            raise ValueError("a length that is none")
        return _READERS[letter](data[colon + 1 : end]), end
    build = _BUILDERS[letter] if letter in _BUILDERS and levels else None
    if build is None:
        raise ValueError("an unknown letter, or too many levels")
    items = []
    while data[at] != ord("e"):
        item, at = _take(data, at, levels - 1)
        items.append(item)
    return build(items), at + 1


_CONSTANTS = {b"N": None, b"T": True, b"F": False}
_READERS: dict[bytes, Callable[[bytes], object]] = {
    b"i": lambda data: int(data, 16),
    b"u": lambda data: data.decode("utf-8", "surrogatepass"),
    b"f": lambda data: float.fromhex(data.decode("ascii")),
    b"c": lambda data: complex(data.decode("ascii")),
    b"b": bytes,
}


def _deque(items: list[Any]) -> object:
    from collections import deque

    return deque(items)


def _fraction(items: list[Any]) -> object:
    from fractions import Fraction

    numerator, denominator = items
    return Fraction(int(numerator), int(denominator))


def _decimal(items: list[Any]) -> object:
    from decimal import Decimal

    (text,) = items
    return Decimal(str(text))


_BUILDERS: dict[bytes, Callable[[list[Any]], object]] = {
    b"l": list,
    b"t": tuple,
    b"s": set,
    b"z": frozenset,
    b"d": lambda items: dict(zip(items[::2], items[1::2], strict=True)),
    b"r": lambda items: range(*items),
    b"g": iter,
    b"q": _deque,
    b"Q": _fraction,
    b"D": _decimal,
}
