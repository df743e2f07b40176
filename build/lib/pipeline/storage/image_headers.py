"""What an image file says of itself before it is decoded, and how a file that gives no picture is refused."""

from __future__ import annotations

from dataclasses import dataclass, field


class BadImage(ValueError):
    """A file that gives no picture.

    Parameters
    ----------
    status : str
        A code of the manifest.
    detail : str
        The reason in words.
    """

    def __init__(self, status: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail

    def __reduce__(self) -> tuple[type[BadImage], tuple[str, str]]:
        return type(self), (self.status, self.detail)


@dataclass(frozen=True)
class Header:
    """What a header says.

    Parameters
    ----------
    kind : str
        Format, as Pillow names it, in lower case.
    width, height : int
        px of the upright image.
    orientation : int
        1 to 8: how the stored pixels are turned to be upright.
    notes : tuple of str
        What decoding has to convert, in words.
    segments : tuple of (str, int, int)
        Where a JPEG's or PNG's picture lies: marker or chunk, start and end of the payload in bytes.
    ends : bool
        Whether the file's end is marked.
    exif, profile : bool
        Whether it brings EXIF, and a colour profile.
    """

    kind: str
    width: int
    height: int
    orientation: int = 1
    notes: tuple[str, ...] = ()
    segments: tuple[tuple[str, int, int], ...] = field(default=(), repr=False)
    ends: bool = True
    exif: bool = False
    profile: bool = False


def cut_off(where: str, what: str) -> BadImage:
    """The refusal of a file that ends before its picture does."""
    return BadImage("truncated", f"{where} is cut off: {what}; copy it again from its origin")


def undecodable(where: str, error: Exception) -> BadImage:
    """The refusal that stands for a decoder's error; MemoryError where the machine is to blame, not the file."""
    text = str(error) or type(error).__name__
    lower = text.lower()
    if isinstance(error, MemoryError) or "out of memory" in lower or "insufficient memory" in lower:
        raise MemoryError(f"{where}: memory ended while it was decoded") from None
    if "truncated" in lower:
        return cut_off(where, text)
    return BadImage("unreadable", f"{where} cannot be decoded: {text}")
