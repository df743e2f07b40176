"""The languages of a page: texts are English, and the catalogue beside the templates has them in Chinese.

A sentence with values in it is made by `say`, so that it is English text, a str, and still knows what it was filled from.
Words without values need no `say`: the catalogue is asked for them as they stand. Sentences that other stages wrote into
their files are plain text: they are known by their form, and have a catalogue of their own. What neither has, such as a name,
stays as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal, get_args

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
_FIELD = re.compile(r"\{(\w+)\}")  # of a template
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
    """English texts of this folder and what they are called in a language; empty for English."""
    return {} if language == "en" else _read(f"{language}.json")


@cache
def stage_catalogue(language: Language) -> dict[str, str]:
    """English sentences that other stages write, with their values in braces, as `catalogue`."""
    return {} if language == "en" else _read(f"{language}_stages.json")


def _read(name: str) -> dict[str, str]:
    text = files("pipeline.reporting").joinpath(f"templates/{name}").read_text(encoding="utf-8")
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
        return known[text] if text in known else _of_a_stage(text, language)
    if text.parts:
        words = [translated(part, language) for part in text.parts]
        pairs = zip(words, ["", *words])
        return "".join(word for word, before in pairs if word != " " or not before.endswith(_NO_SPACE_AFTER))
    template = known.get(text.template, text.template)
    return template.format(**{name: translated(value, language) for name, value in text.values.items()})


@cache
def _forms(language: Language) -> list[tuple[re.Pattern[str], str]]:
    """What each sentence of another stage looks like, and its translation; those with most words of their own first."""
    known = stage_catalogue(language)
    by_words = sorted(known, key=lambda template: -len(_FIELD.sub("", template)))
    return [(_form(template), known[template]) for template in by_words]


def _form(template: str) -> re.Pattern[str]:
    """The sentences that a template gives; a value that it names twice is the same both times."""
    names: set[str] = set()
    pieces = []
    for index, piece in enumerate(_FIELD.split(template)):
        if index % 2 == 0:
            pieces.append(re.escape(piece))
        else:
            pieces.append(f"(?P={piece})" if piece in names else f"(?P<{piece}>.+?)")
            names.add(piece)
    return re.compile("".join(pieces), re.DOTALL)


@lru_cache(maxsize=4096)
def _of_a_stage(text: str, language: Language) -> str:
    for form, template in _forms(language):
        if found := form.fullmatch(text):
            values = {name: translated(value, language) for name, value in found.groupdict().items()}
            return template.format(**values)
    return text
