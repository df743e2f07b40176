"""Texts in both languages: the catalogue has every one of ours, with the same values in it."""

from __future__ import annotations

import ast
import html
import itertools
import re
import string
from pathlib import Path

import numpy as np
import pytest
from matplotlib.text import Text

from features.spectral import BLOCKS as SPECTRAL
from features.spectral import get
from pipeline.reporting import (
    drawing,
    figures,
    importance_figures,
    page,
    pairs_page,
    rendering,
    technical_page,
)
from pipeline.reporting.elements import Chart
from pipeline.reporting.language import catalogue, joined, say, stage_catalogue, translated
from pipeline.reporting.radial_spectrum import RadialSpectrum
from pipeline.reporting.worst_errors import WorstError
from tests.pipeline.reporting.example import BLOCKS, COLUMNS, ODD_IMAGE, ODD_SOURCE, SCRIPT, report_data
from tests.pipeline.reporting.prose import english
from tests.pipeline.reporting.test_technical_page import run

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


NAMES = [
    *BLOCKS,
    *COLUMNS,
    ODD_SOURCE,
    ODD_IMAGE,
    "alpha",
    "labelled",
    "blend",
    "rgb",
    "aligned",
    "tiny",
    "away",
    "bytes",
    "width",
]
MADE_UP = [
    f"file size {SCRIPT} red",
    "no copies",
    "from scratch: <no weights>",
    "not there <here>",
]  # of the example
AUDIT = {
    "verdict": "ok",
    "findings": [{"level": "ok", "text": "0 of 9 val images are near-duplicates of a train image"}],
    "pairs": [
        {
            "kind": kind,
            "first": {
                "img_name": "a.png",
                "path": "a",
                "sha256": "",
                "split": "train",
                "target": 0,
                "width": 1,
                "height": 1,
            },
            "second": {
                "img_name": "b.png",
                "path": "b",
                "sha256": "",
                "split": "val",
                "target": None,
                "width": 1,
                "height": 1,
            },
            "likeness": 0.9,
            "mirrored": True,
        }
        for kind in ["near-duplicate"] * (pairs_page.SHOWN + 1)
    ],
}


def words_of(figure, alt, words=()):
    """A picture as its words alone, in every language: to lay them out is nearly all of the time of a page."""
    ticks = [axis.get_ticklabels() for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)]
    shown = {text.get_text() for text in [*figure.findobj(Text), *itertools.chain(*ticks)]}
    lines = "".join(f"<text>{html.escape(text, quote=False)}</text>" for text in sorted(shown))
    return Chart(drawing._element(f"<svg>{lines}</svg>", {str(word): word for word in words}), alt, 40)


@pytest.fixture
def undrawn_words(monkeypatch):
    for module in (figures, importance_figures):
        monkeypatch.setattr(module, "draw", words_of)


WORST = [
    WorstError("a.png", "alpha", 0, 0.9, None, "away"),
    WorstError("b.png", "alpha", 1, 0.1, None, "away"),
]
SPECTRUM = RadialSpectrum(
    frequency=np.arange(4) / 6,
    real=(np.arange(4.0), np.ones(4)),
    fake=(np.arange(4.0), np.ones(4)),
    gaps={"alpha": np.arange(4.0)},
    weight=np.arange(4.0),
)


def report_of_little():
    data = report_data()
    few = report_data(explained=0, effects=data.effects.head(0), learning=data.learning.head(0))
    few.evaluation.update(leave_one_source_out={}, calibration={}, thresholds=[])
    return page.compose(few)


# Every page that there is, with what makes its rarer words show.
PAGES = {
    "report": lambda: page.compose(report_data(worst=WORST)),
    "report of a radial block": lambda: page.compose(report_data(spectrum=SPECTRUM, top=99, audit={})),
    "report of little": report_of_little,
    "technical report": lambda: technical_page.compose(report_data(worst=WORST), run()),
    **{
        f"audit that is {level}": lambda level=level: pairs_page.compose(AUDIT | {"verdict": level})
        for level in pairs_page.VERDICTS
    },
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_in_chinese_shows_no_english_but_names(name, undrawn_words):
    assert not english(rendering.render(PAGES[name](), "zh"), names=[*NAMES, *MADE_UP])


def test_drawing_writes_no_words_but_those_of_the_undrawn_picture(monkeypatch):
    """In both languages, so that the test above reads all that a reader sees."""
    written, read = set(), set()

    def both(figure, alt, words=()):
        chart = drawing.draw(figure, alt, words)
        for found, svg in ((written, chart.svg), (read, words_of(figure, alt, words).svg)):
            found |= set(re.findall(r"<text[^>]*?( lang=\"\w+\")?>([^<]*)</text>", svg))
        return chart

    for module in (figures, importance_figures):
        monkeypatch.setattr(module, "draw", both)
    page.compose(report_data(spectrum=SPECTRUM, worst=WORST))
    assert {'lang="zh"', 'lang="en"'} <= {language.strip() for language, _ in written}
    assert written <= read


def test_english_is_found_where_it_is_shown():
    text = (
        '<body><p>two words</p><p lang="en">hidden words</p><pre>a command</pre><img alt="some alt"><b>alone</b>'
        "<i>net_face</i><i>numpy 2.1, torch 2.15</i><i>全部 words here</i></body>"
    )
    assert english(text, names=["net_face"]) == {"two words", "some alt", "alone", "全部 words here"}


@pytest.mark.parametrize("name", SPECTRAL)
def test_what_a_block_measures_is_in_the_catalogue(name):
    assert get(name).compute.__doc__.strip().partition("\n")[0] in ZH


@pytest.mark.parametrize("english_form", stage_catalogue("zh"))
def test_a_sentence_of_another_stage_is_known_by_its_form(english_form):
    filled = {name: f"<{place}>" for place, name in enumerate(sorted(fields(english_form)))}
    chinese = stage_catalogue("zh")[english_form]
    assert fields(chinese) <= fields(english_form)
    assert translated(english_form.format(**filled), "zh") == chinese.format(**filled)
    assert translated(english_form.format(**filled), "en") == english_form.format(**filled)


def test_a_value_that_is_named_twice_is_the_same_both_times():
    text = "{a} files have another history than train's: AUC 0.7 (mostly width). Figures on {b} are of other files than the model learned from"
    assert translated(text.format(a="val", b="val"), "zh").startswith("验证文件的历史与训练文件不同")
    assert translated(text.format(a="val", b="test"), "zh") == text.format(a="val", b="test")


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
