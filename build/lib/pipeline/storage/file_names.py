"""File names that are not UTF-8: kept byte for byte in tables, given back as they were, shown readably.

Python holds a byte that is not UTF-8 as a lone surrogate, which no table, no JSON and no page can hold. In those such a
byte is a private character, 0x100000 above the surrogate; every other name stays as it is.
"""

from __future__ import annotations

import re

_PRIVATE = 0x100000
_BYTES = range(0xDC80, 0xDD00)  # the surrogates of PEP 383
_TO_PRIVATE = {byte: byte + _PRIVATE for byte in _BYTES}
_TO_SURROGATE = {byte + _PRIVATE: byte for byte in _BYTES}
_TO_ESCAPE = {code: f"\\x{byte & 0xFF:02x}" for byte in _BYTES for code in (byte, byte + _PRIVATE)}
_IS_PRIVATE = re.compile(f"[{chr(_BYTES[0] + _PRIVATE)}-{chr(_BYTES[-1] + _PRIVATE)}]")


def storable(name: str) -> str:
    """A name as tables hold it.

    Parameters
    ----------
    name : str
        As the file system or a list gives it: bytes that are not UTF-8 are lone surrogates.

    Returns
    -------
    str
        Valid Unicode; `original` gives the name back.
    """
    # The private characters stand for bytes now, so a name that has one of them is taken apart into its bytes.
    return _IS_PRIVATE.sub(_byte_by_byte, name).translate(_TO_PRIVATE)


def _byte_by_byte(character: re.Match[str]) -> str:
    return character[0].encode().decode("ascii", errors="surrogateescape")


def original(text: str) -> str:
    """The name that `storable` was given."""
    if not _IS_PRIVATE.search(text):
        return text
    return text.translate(_TO_SURROGATE).encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


def readable(text: str) -> str:
    r"""Text for people: a byte that is not UTF-8 as `\xb0`."""
    return text.translate(_TO_ESCAPE)
