"""Colours and words of a chart on a page, whoever draws it."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

from pipeline.reporting.language import LANGUAGES, Text, translated

# Okabe and Ito's palette, told apart with every common kind of colour blindness.
REAL, FAKE = "#0072B2", "#D55E00"
SERIES = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
INK, FAINT, GRID = "#1f2328", "#8a9099", "#e3e6ea"
# Variables of the style sheet, which has each colour for a light and for a dark page.
VARIABLES = {INK: "--ink", FAINT: "--axis", GRID: "--grid"} | {
    colour: f"--series-{number}" for number, colour in enumerate(SERIES)
}


def in_every_language(found: re.Match[str], words: Mapping[str, Text]) -> str:
    """An svg text once for each language in which it differs."""
    english = html.unescape(found[2])
    known = words.get(english, english)
    versions = [translated(known, language) for language in LANGUAGES]
    if len(set(versions)) == 1:
        return found[0]
    return "".join(
        f'{found[1]} lang="{language}">{html.escape(version, quote=False)}</text>'
        for language, version in zip(LANGUAGES, versions, strict=True)
    )
