"""Texts in both languages: the catalogue has every one of ours, with the same values in it."""

from __future__ import annotations

import ast
import re
import string
from pathlib import Path

import pytest

from pipeline.reporting import page
from pipeline.reporting.language import Text, catalogue, joined, say, translated
from pipeline.reporting.worst_errors import WorstError
from tests.pipeline.reporting.example import report_data

FOLDER = Path(page.__file__).parent
ZH = catalogue("zh")


def fields(template):
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def said():
    """Every template that is given to `say`, with the file that it stands in."""
    for file in sorted(FOLDER.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "say":
                yield file.name, ast.literal_eval(node.args[0])


@pytest.mark.parametrize(("file", "template"), list(said()))
def test_every_sentence_is_in_the_catalogue(file, template):
    assert template in ZH, f"{file}: add it to templates/zh.json"


@pytest.mark.parametrize("english", ZH)
def test_a_translation_has_the_values_of_its_sentence(english):
    if "{" in english:
        assert fields(ZH[english]) == fields(english)
    assert ZH[english].strip()


def shown(element):
    """Words of an element that are ours, without cells and names."""
    yield from (value for name in ("text", "caption") if (value := getattr(element, name, "")))
    yield from (column.title for column in getattr(element, "columns", ()))
    for each in (*getattr(element, "figures", ()), *([element] if hasattr(element, "drawing") else [])):
        yield each.caption


@pytest.mark.usefixtures("undrawn")
def test_every_word_of_the_report_is_translated():
    worst = [WorstError("a.png", "alpha", 0, 0.9, None, "gone")]
    composed = page.compose(report_data(worst=worst))
    words = [composed.title, composed.verdict, *(section.title for section in composed.sections)]
    # Of the importance only the fixed words are: its sentences are not made by `say` yet.
    sections = [section for section in composed.sections if section.id != "importance"]
    words += [
        word for section in sections for e in section.elements if e.macro != "code" for word in shown(e)
    ]
    ours = {word for word in words if not isinstance(word, Text)}  # those made by `say` are looked at above
    unknown = {word for word in ours if word not in ZH and re.search("[a-z]{3}", word)}
    assert not unknown, "add them to templates/zh.json"


def test_a_sentence_is_english_text_and_knows_the_other():
    text = say("floor {floor}", floor="0.1")
    assert text == "floor 0.1"
    assert translated(text, "en") == "floor 0.1"
    assert translated(text, "zh") == "下限 0.1"
    assert translated("no such words", "zh") == "no such words"


def test_values_are_translated_too():
    assert translated(say("{source}, {label}", source="cam", label="fake"), "zh") == "cam，伪造"


def test_texts_in_a_row_keep_their_languages():
    text = joined(["DET.", "", say("floor {floor}", floor="1")])
    assert text == "DET. floor 1"
    assert translated(text, "zh") == "DET。下限 1"
    assert translated(text + " x", "zh") == "DET。下限 1 x"
    assert translated("x " + text, "zh") == "x DET。下限 1"
