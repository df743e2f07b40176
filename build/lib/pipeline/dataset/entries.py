"""One row of a list."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)  # a list may have a million
class ListedImage:
    """One row of a list.

    Attributes
    ----------
    name : str
        As the list spells it.
    split : str
        train, val or test.
    target : int or None
        1 = deepfake, 0 = real, None = unknown.
    line : int
        In the list, from 1; 0 without a list.
    listed_in : str
        The list, or the folder that was walked.
    path : str
        Of the image; "" when it was not located.
    status, detail : str
        "ok" and a remark or nothing, or the code of what is wrong with the row and the reason in words.
    size, mtime_ns : int
        Of the file, bytes and ns.
    linked_to : str
        Folder outside the data root in which the file really lies; "" for a file inside it.
    """

    name: str
    split: str
    target: int | None
    line: int
    listed_in: str
    path: str = ""
    status: str = "ok"
    detail: str = ""
    size: int = 0
    mtime_ns: int = 0
    linked_to: str = ""

    def failed(self, status: str, detail: str) -> ListedImage:
        """The same row with a reason; the first reason stays."""
        return self if self.status != "ok" else replace(self, status=status, detail=detail)
