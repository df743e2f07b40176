"""A page as HTML: its elements in the templates."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from pipeline.reporting.elements import Page
from pipeline.reporting.language import Language, translated
from pipeline.storage.file_names import readable
from pipeline.storage.files import appearing

_HYPHEN_IN_NUMBER = re.compile(r"(?<=\de)-(?=\d)")
_WORD_JOINER = "\u2060"  # nothing is seen of it, and no line ends beside it


def environment() -> Environment:
    """Templates in which every text is escaped and a value that is missing is an error."""
    settings = Environment(
        loader=PackageLoader("pipeline.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    settings.filters["translated"] = translated
    settings.filters["numbers_whole"] = _numbers_whole
    return settings


def _numbers_whole(text: str) -> Markup:
    """The text, HTML or not yet, with numbers like 1e-3 that no line ends in the middle of."""
    return Markup(_HYPHEN_IN_NUMBER.sub(f"-{_WORD_JOINER}", escape(text)))


def render(page: Page, language: Language = "en") -> str:
    """Write a page as HTML that loads nothing; no script but that of templates/page.js may run.

    Parameters
    ----------
    page : Page
        What stands on it.
    language : {"en", "zh"}
        Which it shows first; the other is a click away.

    Returns
    -------
    str
        The text of the file.

    Raises
    ------
    jinja2.UndefinedError
        The templates show a value that the page does not have.
    """
    templates = environment()
    script = templates.get_template("page.js").render()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    values = {"page": page, "language": language, "script": script, "script_hash": f"sha256-{digest}"}
    return readable(templates.get_template("report.html.j2").render(values))


def write(path: Path, page: Page, language: Language = "en") -> None:
    """Write a page to a file in one step; as `render`."""
    with appearing(path) as part:
        part.write_text(render(page, language), encoding="utf-8")
