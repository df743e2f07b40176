"""The first frame of a GIF, so that what follows it costs nothing."""

from __future__ import annotations

from pipeline.storage.image_headers import cut_off

_EXTENSION, _FRAME, _END = 0x21, 0x2C, 0x3B
_CONTROL = 0xF9


def first_frame(data: bytes, *, where: str) -> tuple[bytes, tuple[str, ...]]:
    """A GIF of the first frame alone, without comments, and what was left out.

    Raises BadImage (truncated) where the file ends before that frame's data begin.

    References
    ----------
    CompuServe, Graphics Interchange Format, version 89a (1990).
    """
    if len(data) < 13:
        raise cut_off(where, "it ends inside its header")
    head = 13 + _table(data[10])
    control, position = b"", head
    while position < len(data) and data[position] == _EXTENSION:
        end = _blocks_end(data, position + 2)
        if data[position + 1 : position + 2] == bytes([_CONTROL]):
            control = data[position:end]
        position = end
    if position + 10 >= len(data) or data[position] != _FRAME:
        raise cut_off(where, "it ends before its picture data")
    end = _blocks_end(data, position + 11 + _table(data[position + 9]))
    return data[:head] + control + data[position:end] + bytes([_END]), _rest(data, end)


def _table(flags: int) -> int:
    """Bytes of a colour table."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _blocks_end(data: bytes, position: int) -> int:
    """Where a chain of sub-blocks ends."""
    while position < len(data) and data[position]:
        position += 1 + data[position]
    return min(position + 1, len(data))


def _rest(data: bytes, position: int) -> tuple[str, ...]:
    while position < len(data) and data[position] == _EXTENSION:
        position = _blocks_end(data, position + 2)
    if position >= len(data):
        return ("a GIF without its end mark",)
    return ("first of several frames",) if data[position] == _FRAME else ()
