"""The page in a browser: choosing, dropping, pasting, the keyboard, sorting, CSV, two languages, and no other host."""

import csv
import io

import pytest

from pipeline.service.results import Explained, Failed
from tests.pipeline.browser import chromium, needed
from tests.pipeline.service.conftest import StandIn, face, running

pytestmark = needed
REASONS = {
    "raw": 1.0,
    "base": 0.0,
    "kinds": [{"kind": "labelled", "log_likelihood_ratio": 2.0, "adds": 1.0}],
    "blocks": {"radial": 1.0, "new_block": -0.5},
    "spectrum": {"image": [1.0, 0.5, None], "real": [1.0, 0.4, 0.1], "fake": [1.0, 0.6, 0.2]},
    "features": [
        {
            "column": "radial.a",
            "push": 1.0,
            "value": 1.0,
            "real": 0.0,
            "fake": 1.0,
            "above_real": 0.9,
            "above_fake": 0.4,
        }
    ],
    "pictures": {"residual": "data:image/gif;base64,R0lGODlhAQABAAAAACw="},
}


class Explaining(StandIn):
    def _one(self, work, data):
        if work.kind == "explain" and data[1:] == b"absent":
            return Failed("not_installed", "torch is not installed; run: pip install torch")
        if work.kind == "explain":
            return Explained(face(data[0] / 100), REASONS, "")
        return super()._one(work, data)


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with running(tmp_path_factory.mktemp("page"), scorers=[Explaining()]) as api:
        yield f"http://127.0.0.1:{api.port}"


def opened(browser, address, path="/", *, width=1440, language="en-US"):
    """A fresh page, and a list of what it asked of other hosts or complained of."""
    page = browser.new_context(viewport={"width": width, "height": 800}, locale=language).new_page()
    page.set_default_timeout(30_000)
    strange = []
    ours = (address, "blob:", "data:")
    page.on("request", lambda request: request.url.startswith(ours) or strange.append(request.url))
    page.on("pageerror", lambda error: strange.append(str(error)))
    page.goto(address + path)
    return page, strange


def file(name, score, more=b""):
    return {"name": name, "mimeType": "image/jpeg", "buffer": bytes([score]) + more}


DROP = """([kind, name, score]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array([score])], name, {type: "image/jpeg"}));
  const event = kind === "drop" ? new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true})
    : new ClipboardEvent("paste", {clipboardData: data, bubbles: true});
  document.body.dispatchEvent(event);
}"""


@pytest.mark.parametrize("width", [360, 1440])
def test_one_picture_gets_its_answer_and_reasons(browser, address, width):
    page, strange = opened(browser, address, width=width)
    page.set_input_files("#files", [file("a.jpg", 90)])
    page.locator(".spectrum").wait_for()
    assert page.locator(".answer").inner_text() == "Fake"
    text = page.locator("#one").inner_text()
    assert "at most 5 get a score as high as this" in text and "probably fake" in text
    assert "7.4 times as much like a fake of the training data" in text
    assert "the power by frequency (radial.a is higher than in 90 % of real and 40 % of fake" in text
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert strange == []


def test_reasons_that_take_a_package_more_are_refused_in_words_under_the_answer(browser, address):
    page, strange = opened(browser, address)
    page.set_input_files("#files", [file("a.jpg", 90, b"absent")])
    page.locator("#why .error").wait_for()
    assert page.locator("#why").inner_text() == "torch is not installed; run: pip install torch"
    assert page.locator(".answer").inner_text() == "Fake"
    assert strange == []


def test_dropped_pasted_and_chosen_pictures_make_a_table_to_sort_and_save(browser, address):
    page, strange = opened(browser, address)
    page.evaluate(DROP, ["drop", "b.jpg", 90])
    page.evaluate(DROP, ["paste", "c.jpg", 5])
    page.set_input_files("#files", [file("=1+1.jpg", 50), file("bad.jpg", 255)])
    for place in range(4):
        page.locator("#rows tr").nth(place).locator("button").wait_for()
    page.locator("[data-column=score]").click()
    names = page.locator("#rows .name")
    assert names.all_inner_texts() == ["c.jpg", "=1+1.jpg", "b.jpg", "bad.jpg"]
    assert page.locator("th[aria-sort=ascending]").count() == 1
    page.locator("[data-column=score]").click()
    assert names.all_inner_texts() == ["b.jpg", "=1+1.jpg", "c.jpg", "bad.jpg"]
    with page.expect_download() as saved:
        page.locator("#csv").click()
    rows = list(csv.DictReader(io.StringIO(saved.value.path().read_text(encoding="utf-8-sig"))))
    assert [row["name"] for row in rows] == [
        "b.jpg",
        "'=1+1.jpg",
        "c.jpg",
        "bad.jpg",
    ]  # no formula for a spreadsheet
    assert [row["score"] for row in rows] == ["0.9", "0.5", "0.05", ""]
    assert rows[3]["status"] == "not_an_image" and rows[0]["answer"] == "fake"
    assert strange == []


def test_what_a_file_says_of_its_making_stands_under_the_answer(browser, address):
    page, strange = opened(browser, address)
    names = [f"{n}.jpg" for n in range(4)]
    page.set_input_files("#files", [file(name, 90, b"%d" % n) for n, name in enumerate(names)])
    expected = {
        "0.jpg": ("no Content Credentials, which proves nothing", "没有内容凭证"),
        "1.jpg": ("as Camera Makers signed it. Whether", "来源：由相机拍摄。"),
        "2.jpg": ("signed by <b>, do not hold (assertion.dataHash.mismatch)", "来源：newWord。"),
        "3.jpg": ("kept elsewhere; they were not fetched", "存放在别处"),
    }
    for name, words in expected.items():
        page.get_by_role("button", name=f"{name}").click()
        assert page.locator(".answer").inner_text() == "Fake"
        assert words[0] in page.locator(".credentials").inner_text()
        page.locator("#language").click()
        assert words[1] in page.locator(".credentials").inner_text()
        page.locator("#language").click()
    with page.expect_download() as saved:
        page.locator("#csv").click()
    rows = csv.DictReader(io.StringIO(saved.value.path().read_text(encoding="utf-8-sig")))
    assert [row["content_credentials"] for row in rows] == ["absent", "valid", "broken", "elsewhere"]
    assert strange == []


def test_the_keyboard_reaches_everything(browser, address):
    page, _ = opened(browser, address)
    page.set_input_files("#files", [file("a.jpg", 90), file("b.jpg", 5)])
    page.locator("#rows button").nth(1).wait_for()
    page.locator("#language").focus()
    reached = []
    for _ in range(16):
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.innerText"))
        page.keyboard.press("Tab")
    assert reached[:2] == ["language", "files"]
    assert {"csv", "clear", "Why?", "Score", "For programs"} <= set(reached)
    page.locator("#rows button").nth(1).focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "one"
    assert page.locator("#name").inner_text() == "b.jpg"


def test_both_languages(browser, address):
    page, _ = opened(browser, address, language="zh-CN")
    page.set_input_files("#files", [file("a.jpg", 90)])
    page.locator(".spectrum").wait_for()
    assert page.locator(".answer").inner_text() == "伪造"
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    page.locator("#language").click()
    assert page.locator(".answer").inner_text() == "Fake"
    page.reload()
    assert page.locator("#drop strong").inner_text() == "Choose pictures"  # it is remembered


def test_the_words_are_the_same_in_both_languages(browser, address):
    page, _ = opened(browser, address)
    missing = page.evaluate(
        """async () => {
          const { WORDS } = await import("/page/words.js");
          const keys = (words) => Object.entries(words).flatMap(([k, v]) =>
            typeof v === "object" && !Array.isArray(v) ? keys(v).map((inner) => `${k}.${inner}`) : [`${k}:${v.length && typeof v === "function"}`]);
          const [en, zh] = [new Set(keys(WORDS.en)), new Set(keys(WORDS.zh))];
          return [...en, ...zh].filter((key) => !(en.has(key) && zh.has(key)) && !key.startsWith("done"));
        }"""
    )
    assert missing == []


def test_the_addresses_are_a_page_without_another_host(browser, address):
    page, strange = opened(browser, address, "/docs")
    page.locator("h2").first.wait_for()
    assert "POST /score" in page.locator("#addresses").inner_text()
    assert strange == []
