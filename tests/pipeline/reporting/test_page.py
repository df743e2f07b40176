"""The page: order, escaping, nothing loaded, nothing missing."""

from __future__ import annotations

import base64
import configparser
import dataclasses
import hashlib
import re
from fnmatch import fnmatch
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import jinja2
import pytest

from pipeline.reporting import elements, page, rendering
from pipeline.reporting.elements import (
    Cell,
    Chart,
    Code,
    Column,
    ContactSheet,
    Drawing,
    Figure,
    FigureRow,
    Heading,
    Notice,
    NoticeLine,
    Page,
    Paragraph,
    Section,
    Table,
    Thumbnail,
)
from pipeline.reporting.language import translated
from pipeline.reporting.worst_errors import WorstError
from pipeline.storage.file_names import storable
from tests.pipeline.reporting.example import ODD_BLOCK, ODD_IMAGE, ODD_SOURCE, SCRIPT, audit, report_data

ROOT = Path(__file__).parents[3]
DRAWING = Drawing("data:image/png;base64,AAAA", f'alt "{SCRIPT}"', 40)
EXAMPLES = [
    Paragraph(f"paragraph {SCRIPT}"),
    Heading(f"heading {SCRIPT}"),
    Code(f"code {SCRIPT}"),
    Table([Column(f"title {SCRIPT}", True, True)], [[Cell(f"cell {SCRIPT}", f"small {SCRIPT}")]], "caption"),
    Table([Column("plain")], [[f"text cell {SCRIPT}"]], f"caption {SCRIPT}"),
    Figure(DRAWING, f"caption {SCRIPT}"),
    Figure(Chart("<svg></svg>", f'alt "{SCRIPT}"', 40), f"caption {SCRIPT}"),
    FigureRow([Figure(DRAWING, f"in a row {SCRIPT}")]),
    ContactSheet([Thumbnail("data:image/png;base64,AAAA", f'a"{SCRIPT}', f"n{SCRIPT}", f"o{SCRIPT}", "0.5")]),
    ContactSheet([Thumbnail(None, f"why {SCRIPT}", "name", "origin", "0.5")]),
]
WHOLE = Page(
    title=f"title {SCRIPT}",
    verdict=f"verdict {SCRIPT}",
    level="amber",
    notices=[Notice("red", [NoticeLine(f"label {SCRIPT}", f"line {SCRIPT}")])],
    sections=[Section("all", f"section {SCRIPT}", EXAMPLES)],
)


class Reader(HTMLParser):
    """Checks that tags close in order, and collects tags and attributes."""

    VOID = frozenset({"meta", "img", "br", "input"})

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.links, self.images, self.labels = [], [], [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "img":
            self.images.append(dict(attrs))
        self.links += [value for key, value in attrs if key in ("src", "href")]
        self.labels += [value for key, value in attrs if key == "aria-label"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def as_namespace(value):
    """The same page as objects that take any change."""
    if dataclasses.is_dataclass(value):
        fields = {f.name: as_namespace(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return SimpleNamespace(**fields, **({"macro": value.macro} if hasattr(value, "macro") else {}))
    return [as_namespace(each) for each in value] if isinstance(value, list) else value


def every_field(value, path=()):
    """Where each field of a page is: the attributes and indices that lead to it."""
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from every_field(each, (*path, index))
    elif isinstance(value, SimpleNamespace):
        for name, field in vars(value).items():
            yield (*path, name)
            yield from every_field(field, (*path, name))


def whole_page():
    worst = [
        WorstError(ODD_IMAGE, ODD_SOURCE, 0, 0.9, "data:image/jpeg;base64,AAAA"),
        WorstError(ODD_IMAGE, ODD_SOURCE, 1, 0.1, None, f"not there {SCRIPT}"),
    ]
    return rendering.render(page.compose(report_data(worst=worst)))


@pytest.fixture(scope="module")
def rendered():
    return whole_page()


@pytest.fixture(scope="module")
def without_errors():
    """The page of a report that shows no image."""
    return page.compose(report_data())


def test_page_is_self_contained_and_well_formed(rendered):
    reader = Reader(rendered)
    assert not {"link", "iframe"} & set(reader.tags)
    assert reader.tags.count("script") == 1
    assert all(link.startswith(("data:image/", "#")) for link in reader.links)
    assert not re.search(r"url\((?!#)", rendered)
    assert "@import" not in rendered
    assert all(image["alt"].strip() for image in reader.images)
    skip, *targets = [link[1:] for link in reader.links if link.startswith("#")]
    assert f'<main id="{skip}">' in rendered
    assert targets == re.findall(r'<section id="(\w+)"', rendered)
    assert len(set(targets)) == len(targets) == 15


def test_no_script_but_ours_may_run_and_nothing_may_be_loaded(rendered):
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', rendered)[1]
    script = re.search(r"<script>(.*?)</script>", rendered, re.DOTALL)[1]
    assert script == (ROOT / "pipeline/reporting/templates/page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy.split("; ") == [
        "default-src 'none'",
        "img-src data:",
        "style-src 'unsafe-inline'",
        f"script-src 'sha256-{digest}'",
    ]


def test_ids_are_unique_with_all_charts_on_one_page(rendered):
    ids = re.findall(r'\bid="([^"]+)"', rendered)
    assert len(ids) == len(set(ids))


def test_words_in_charts_are_words_in_both_languages(rendered):
    chart = re.search(r'<div class="chart".*?</svg>', rendered, re.DOTALL)[0]
    assert re.search(
        r'<text[^>]* lang="en">false-positive rate</text><text[^>]* lang="zh">误报率</text>', chart
    )
    assert "#0072b2" not in chart and "var(--series-1)" in chart


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_begins_in_the_language_that_was_asked_for_and_has_both(without_errors, language):
    text = rendering.render(WHOLE, language)
    assert f'<html lang="{language}">' in text
    assert re.search(rf'id="language-{language}" autocomplete="off" checked', text)
    assert text.count(" checked>") == 1
    whole = rendering.render(without_errors, language)
    assert '<span lang="en">Main figures</span><span lang="zh">主要指标</span>' in whole
    assert f"<title>{translated(page.TITLE, language)}</title>" in whole


def test_names_are_escaped(rendered):
    assert SCRIPT not in rendered
    escaped = SCRIPT.replace("<", "&lt;").replace(">", "&gt;").replace("'", "&#39;")
    for name in (ODD_IMAGE, ODD_SOURCE, f"{ODD_BLOCK}.000"):
        quoted = name.replace("&", "&amp;").replace('"', "&#34;").replace(SCRIPT, escaped)
        assert quoted in rendered


def test_a_quote_does_not_end_an_attribute(rendered):
    reader = Reader(rendered)
    alts = [image["alt"] for image in reader.images] + reader.labels
    assert f"real image {ODD_IMAGE}, scored 0.900" in alts
    assert any(f"First by SHAP: net_rgb.labelled, {ODD_BLOCK}.001, {ODD_BLOCK}.000" in alt for alt in alts)
    assert all(set(image) <= {"src", "alt", "width"} for image in Reader(rendered).images)


def test_no_line_ends_within_a_number_of_a_head_and_its_text_stays_escaped():
    whole = rendering.environment().from_string("{{ '<b> 1e-2, a-b, e-3' | numbers_whole }}").render()
    assert whole == "&lt;b&gt; 1e-\u20602, a-b, e-3"


def test_the_head_of_a_small_rate_is_not_broken(rendered):
    assert "FPR 1e-\u20602</" in rendered


def test_every_text_of_every_element_is_escaped():
    text = rendering.render(WHOLE)
    count = str(WHOLE).count("alert(")
    assert text.count("<script>") == 1
    assert text.count("&lt;script&gt;") >= count - 1
    Reader(text)


def test_names_that_are_not_utf_8_are_readable():
    text = rendering.render(Page(storable("a\udcb0.jpg"), "b\udcff", "ok", [], []))
    assert r"a\xb0.jpg" in text and r"b\xff" in text
    text.encode("utf-8")


def test_findings_and_warnings_come_before_any_figure(rendered):
    text = rendered[rendered.index("<body>") :]
    finding, about = (
        ("Finding</span><span", "发现</span>:</b> file size"),
        ("About the model</span>", "关于模型</span>:</b> net_rgb"),
    )
    for warning in ("not to be trusted", *finding, *about):
        assert text.index(warning) < text.index("AUC")


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("level", "css"), [("ok", "verdict ok"), ("amber", "verdict amber"), ("red", "verdict red")]
)
def test_verdict_has_the_colour_of_its_level(level, css):
    composed = page.compose(report_data(audit=audit(level)))
    assert composed.verdict == page.VERDICTS[level]
    assert f'<p class="{css}"><span lang="en">{page.VERDICTS[level]}</span>' in rendering.render(composed)
    sheet = (ROOT / "pipeline/reporting/templates/style.css").read_text(encoding="utf-8")
    assert level == "ok" or (f".verdict.{level}" in sheet and f".notice.{level}" in sheet)


@pytest.mark.usefixtures("undrawn")
def test_without_findings_there_is_no_box():
    composed = page.compose(report_data(audit=audit("ok")))
    assert [notice.level for notice in composed.notices] == ["amber"]
    assert [line.label for line in composed.notices[0].lines] == ["About the model"]


@pytest.mark.usefixtures("undrawn")
def test_an_audit_that_has_not_run_is_a_warning():
    composed = page.compose(report_data(audit={}))
    assert composed.level == "red"
    assert composed.verdict == page.NO_AUDIT


def test_same_data_same_bytes(rendered, without_errors):
    assert whole_page() == rendered
    assert rendering.render(without_errors) != rendered


def test_every_sort_of_element_has_an_example_and_a_macro():
    assert {type(example) for example in EXAMPLES} == set(get_args(elements.Element))
    macros = rendering.environment().get_template("elements.html.j2").module
    for sort in get_args(elements.Element):
        assert callable(getattr(macros, sort.macro))


def test_a_value_that_is_missing_is_an_error():
    with pytest.raises(jinja2.UndefinedError, match="is undefined"):
        rendering.environment().get_template("report.html.j2").render()


# A column that wraps holds text, and a row of figures holds nothing else: what these say is not asked.
IMPLIED = {"sections.0.elements.3.columns.0.is_text", "sections.0.elements.7.figures.0.macro"}
FIELDS = [path for path in every_field(as_namespace(WHOLE)) if ".".join(map(str, path)) not in IMPLIED]


@pytest.mark.parametrize("path", FIELDS, ids=lambda path: ".".join(map(str, path)))
def test_the_templates_show_every_field(path):
    changed = as_namespace(WHOLE)
    parent = changed
    for step in path[:-1]:
        parent = parent[step] if isinstance(step, int) else getattr(parent, step)
    delattr(parent, path[-1])
    with pytest.raises(jinja2.UndefinedError):
        rendering.render(changed)


def test_style_of_a_column():
    columns = [Column("number"), Column("text", is_text=True), Column("long", is_text=True, wraps=True)]
    text = rendering.render(
        Page("t", "v", "ok", [], [Section("s", "s", [Table(columns, [["1", "2", "3"]], "")])])
    )
    assert '<tr><td>1</td><td class="text">2</td><td class="text wrap">3</td></tr>' in text
    assert '<th scope="col" class="text wrap">long</th>' in text
    assert 'class="note"' not in text


def test_the_templates_are_installed_with_the_package():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    patterns = config["options.package_data"]["pipeline.reporting"].split()
    folder = ROOT / "pipeline/reporting"
    files = [p for p in folder.rglob("*") if p.is_file() and p.suffix not in (".py", ".pyc")]
    assert len(files) >= 3
    for file in files:
        name = file.relative_to(folder).as_posix()
        assert any(fnmatch(name, pattern) for pattern in patterns), name


def test_no_html_in_python():
    tag = re.compile(r"</?(p|b|i|br|div|td|tr|th|table|figure|img|span|small|section|h[1-6])\b[^>]*>")
    for file in (ROOT / "pipeline/reporting").glob("*.py"):
        assert not tag.search(file.read_text(encoding="utf-8")), file
