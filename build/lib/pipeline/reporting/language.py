"""The languages of a page: texts are English, and the catalogue beside the templates has them in Chinese.

A sentence with values in it is made by `say`, so that it is English text, a str, and still knows what it was filled from.
Words without values need no `say`: the catalogue is asked for them as they stand. What it does not have, such as a finding
that another stage wrote, stays English.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Literal, get_args

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
_NO_SPACE_AFTER = ("。", "；", "：", "，")  # full-width marks bring their own


class Text(str):
    """An English text that knows what it was filled from, or of which parts it is made."""

    template: str
    values: Mapping[str, str]
    parts: tuple[str, ...]

    def __add__(self, other: str) -> Text:
        """The two in a row, each with its own languages."""
        return joined([self, other], "")

    def __radd__(self, other: str) -> Text:
        """As `__add__`."""
        return joined([other, self], "")


def say(template: str, /, **values: str) -> Text:
    """Fill values into an English sentence.

    Parameters
    ----------
    template : str
        A key of the catalogue, with its values in braces.
    **values : str
        Each as it is shown; one that is itself in the catalogue is translated too.
    """
    text = Text(template.format(**values))
    text.template, text.values, text.parts = template, values, ()
    return text


def joined(texts: Iterable[str], separator: str = " ") -> Text:
    """Texts in a row, each with its own languages; empty ones are left out.

    Parameters
    ----------
    texts : iterable of str
    separator : str
        What stands between them.
    """
    parts = [text for text in texts if text]
    between = [part for index, each in enumerate(parts) for part in ([separator] if index else []) + [each]]
    text = Text("".join(between))
    text.template, text.values, text.parts = "", {}, tuple(between)
    return text


@cache
def catalogue(language: Language) -> dict[str, str]:
    """English texts and what they are called in a language; empty for English."""
    if language == "en":
        return {}
    text = files("pipeline.reporting").joinpath(f"templates/{language}.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def translated(text: str, language: Language) -> str:
    """A text in a language, as far as the catalogue goes.

    Parameters
    ----------
    text : str
    language : {"en", "zh"}

    Returns
    -------
    str
    """
    known = catalogue(language)
    if not isinstance(text, Text):
        return known.get(text, text)
    if text.parts:
        words = [translated(part, language) for part in text.parts]
        pairs = zip(words, ["", *words])
        return "".join(word for word, before in pairs if word != " " or not before.endswith(_NO_SPACE_AFTER))
    template = known.get(text.template, text.template)
    return template.format(**{name: translated(value, language) for name, value in text.values.items()})
