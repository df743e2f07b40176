"""What a page is made of, as plain data: the templates turn it into HTML.

Each element names the macro of templates/elements.html.j2 that renders it. Texts are plain: the templates escape them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

Level = Literal["ok", "amber", "red"]


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of text."""

    macro: ClassVar[str] = "paragraph"
    text: str


@dataclass(frozen=True)
class Heading:
    """A heading inside a section."""

    macro: ClassVar[str] = "heading"
    text: str


@dataclass(frozen=True)
class Code:
    """Lines to type, shown as they are."""

    macro: ClassVar[str] = "code"
    text: str


@dataclass(frozen=True)
class Column:
    """Head of a table's column.

    Attributes
    ----------
    title : str
        Shown on top.
    is_text : bool
        Words, aligned left; numbers otherwise, aligned right.
    wraps : bool
        Whether its text may break over several lines.
    """

    title: str
    is_text: bool = False
    wraps: bool = False


@dataclass(frozen=True)
class Cell:
    """A cell with a second, small line such as an interval; none when `detail` is empty."""

    text: str
    detail: str = ""


@dataclass(frozen=True)
class Table:
    """A table with a note below it; none when `caption` is empty.

    Raises
    ------
    ValueError
        A row has more or fewer cells than there are columns.
    """

    macro: ClassVar[str] = "table"
    columns: Sequence[Column]
    rows: Sequence[Sequence[str | Cell]]
    caption: str = ""

    def __post_init__(self) -> None:
        """Check that the table is rectangular."""
        for number, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                titles = ", ".join(column.title for column in self.columns)
                raise ValueError(
                    f"row {number} has {len(row)} cells, the table {len(self.columns)} columns ({titles})"
                )


@dataclass(frozen=True)
class Drawing:
    """A picture of pixels that is part of the page.

    Attributes
    ----------
    uri : str
        Data URI.
    alt : str
        What a reader who cannot see it should know.
    width : int
        Pixels on the page.
    """

    macro: ClassVar[str] = "picture"
    uri: str
    alt: str
    width: int


@dataclass(frozen=True)
class Chart:
    """A drawing of lines and words that is part of the page: its words can be selected, its colours follow the page's.

    Attributes
    ----------
    svg : str
        An svg element, made by `drawing.draw`; colours are the style sheet's variables.
    alt : str
        What a reader who cannot see it should know.
    width : int
        Pixels on a wide page.
    """

    macro: ClassVar[str] = "chart"
    svg: str
    alt: str
    width: int


@dataclass(frozen=True)
class Figure:
    """A drawing with its caption."""

    macro: ClassVar[str] = "figure"
    drawing: Drawing | Chart
    caption: str


@dataclass(frozen=True)
class FigureRow:
    """Figures side by side, where the page is wide enough."""

    macro: ClassVar[str] = "figure_row"
    figures: Sequence[Figure]


@dataclass(frozen=True)
class Thumbnail:
    """A small image on a contact sheet.

    Attributes
    ----------
    uri : str or None
        Data URI; None where the image cannot be shown.
    alt : str
        What a reader who cannot see it should know, or why it is not shown.
    name, origin, value : str
        File name, what it is, and the figure that it is shown for.
    """

    uri: str | None
    alt: str
    name: str
    origin: str
    value: str


@dataclass(frozen=True)
class ContactSheet:
    """Thumbnails in a grid."""

    macro: ClassVar[str] = "contact_sheet"
    thumbnails: Sequence[Thumbnail]


@dataclass(frozen=True)
class NoticeLine:
    """A line of a notice, after a word in bold that says what sort of line it is."""

    label: str
    text: str


@dataclass(frozen=True)
class Notice:
    """A coloured box of lines that a reader has to know before anything else."""

    level: Level
    lines: Sequence[NoticeLine]


Element = Paragraph | Heading | Code | Table | Figure | FigureRow | ContactSheet


@dataclass(frozen=True)
class Section:
    """A titled part of the page that the contents point to.

    Attributes
    ----------
    id : str
        Its anchor, unique on the page.
    title : str
        Its heading and its line in the contents.
    elements : sequence of Element
        What it shows, in order.
    """

    id: str
    title: str
    elements: Sequence[Element]


@dataclass(frozen=True)
class Page:
    """The whole page: a verdict in one line, notices, then sections."""

    title: str
    verdict: str
    level: Level
    notices: Sequence[Notice]
    sections: Sequence[Section]
