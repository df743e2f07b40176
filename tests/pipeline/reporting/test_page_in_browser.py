"""The report in a browser: nothing runs over its edge, complains or asks another host, at any width, colour and language."""

from __future__ import annotations

import pytest

from pipeline.reporting import page, rendering
from pipeline.reporting.worst_errors import WorstError
from tests.pipeline.browser import chromium, needed
from tests.pipeline.reporting.example import report_data

pytestmark = needed
# What reaches over the page's right edge, but for what lies in a box that scrolls.
OVER = """() => {
  const width = document.documentElement.clientWidth;
  const scrolls = (e) => e && (["auto", "scroll"].includes(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
  return [...document.querySelectorAll("main *, .languages *")]
    .filter((e) => e.getBoundingClientRect().right > width + 1 && !scrolls(e.parentElement))
    .map((e) => e.outerHTML.slice(0, 80));
}"""
SHOWN = """(language) => [...document.querySelectorAll(`[lang=${language}]`)]
  .filter((e) => e !== document.documentElement && e.getClientRects().length).length"""


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    worst = [WorstError("a" * 80 + ".png", "alpha", 0, 0.9, None, "gone")]
    rendering.write(path, page.compose(report_data(worst=worst)))
    return path.as_uri()


@pytest.fixture(scope="module", params=["light", "dark"])
def opened(request, browser, address):
    """The page in one colour, and what it complained of."""
    shown, strange = browser.new_page(color_scheme=request.param), []
    shown.on("request", lambda asked: asked.url.startswith(("file:", "data:")) or strange.append(asked.url))
    shown.on("console", lambda message: strange.append(message.text))
    shown.on("pageerror", lambda error: strange.append(str(error)))
    shown.goto(address)
    yield shown, strange
    shown.close()


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("width", "media"), [(360, "screen"), (768, "screen"), (1440, "screen"), (688, "print")]
)
def test_the_page_fits_and_is_quiet(opened, width, media, language):
    shown, strange = opened
    shown.emulate_media(media="screen")
    shown.check(f"#language-{language}")
    shown.emulate_media(media=media)
    shown.set_viewport_size({"width": width, "height": 900})
    assert shown.evaluate(OVER) == []
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    other = {"en": "zh", "zh": "en"}[language]
    assert shown.evaluate(SHOWN, language) > 100 and shown.evaluate(SHOWN, other) == 0
    assert shown.evaluate("document.documentElement.lang") == language
    assert strange == []
