"""python -m pipeline.explain: what it says adds up, is the scored number, and is on the page."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from models.bundle import Bundle
from models.bundle_info import OVERALL, ThresholdInfo
from pipeline import explain as command
from pipeline import predict
from pipeline.dataset.lists import LabelError
from pipeline.reporting.explanation_page import Explained, compose
from pipeline.reporting.rendering import render
from pipeline.serving.content_credentials import ContentCredentials
from pipeline.serving.explanation import Answer, explain
from pipeline.storage.images import read_image
from tests.pipeline.reporting.prose import english


@pytest.fixture(scope="module")
def bundle(finished):
    return Bundle.load(finished / "cache/model")


@pytest.fixture(scope="module")
def pixels(finished):
    path = sorted((finished / "demo/testset").iterdir())[0]
    return read_image(path, max_pixels=10**8).pixels


def test_pushes_and_base_add_up_to_the_raw_score(bundle, pixels):
    (why,) = explain(bundle, [pixels])
    (((prediction, _),),) = bundle.score([pixels])
    assert why.prediction == prediction
    total = why.base + sum(push.push for push in why.pushes)
    assert total == pytest.approx(why.raw, abs=1e-6)
    assert why.base + sum(why.blocks.values()) == pytest.approx(why.raw, abs=1e-6)
    assert sum(kind.adds for kind in why.kinds) == pytest.approx(why.raw, abs=1e-6)


def test_pushes_come_with_the_images_own_number_and_the_training_images(bundle, pixels):
    features, _ = bundle.features([pixels])
    for push in explain(bundle, [pixels])[0].pushes:
        value = float(features[push.column].iloc[0])
        assert push.value == (value if np.isfinite(value) else None)
        if push.above_real is not None:
            assert 0 <= push.above_real <= 1
            if value > push.real:
                assert push.above_real >= 0.5


def limit(rate, fake_above, real_below, source=OVERALL):
    return ThresholdInfo(
        source=source, rate=rate, fake_above=fake_above, real_below=real_below, reals=9, fakes=9, needed=9
    )


@pytest.mark.parametrize(
    ("score", "above", "below", "answer"),
    [
        (0.75, 0.5, 0.25, "fake"),
        (0.5, 0.5, 0.25, "undecided"),
        (0.25, 0.5, 0.25, "undecided"),
        (0.125, 0.5, 0.25, "real"),
        (0.75, None, 0.25, "undecided"),
        (0.125, 0.5, None, "undecided"),
        (0.75, None, None, "undecided"),
    ],
)
def test_the_answer_is_that_of_the_limits(score, above, below, answer):
    assert Answer.of(limit(0.05, above, below), score).answer == answer


def test_answers_are_those_of_the_bundles_limits_and_on_the_page(bundle, pixels):
    (((prediction, _),),) = bundle.score([pixels])
    score = prediction.score
    limits = [limit(0.1, score / 2, None), limit(0.05, None, None), limit(0.1, 1.0, None, source="a")]
    info = bundle.info.model_copy(update={"thresholds": limits})
    (why,) = explain(replace(bundle, info=info), [pixels])
    assert [(a.source, a.rate, a.answer) for a in why.answers] == [
        (OVERALL, 0.1, "fake"),
        (OVERALL, 0.05, "undecided"),
        ("a", 0.1, "undecided"),
    ]
    assert why.record()["answers"][0]["fake_above"] == score / 2
    text = render(compose([Explained("a.jpg", pixels, why, "")], [], info))
    assert "Answer: fake, for a share of errors of 10.0\u00a0% of real faces." in text
    none = replace(why, answers=[])
    text = render(compose([Explained("a.jpg", pixels, none, "")], [], info))
    assert "Answer: undecided. Too few images were kept back" in text
    (unsure,) = [replace(why, answers=[Answer.of(limit(0.1, 1.0, 0.0), score)])]
    text = render(compose([Explained("a.jpg", pixels, unsure, "")], [], info))
    assert "Answer: undecided at every share of errors" in text


class OneHot:
    """An evidence net that puts all of its logit into one place."""

    def __init__(self, net, at, logits):
        self.spec, self.at, self.logits = net.spec, at, logits
        # What the net says wherever it looks, of a typical real face too: it is no evidence.
        self.typical = (
            4 * self.logits[:, None, None] * np.indices((4, 4), np.float32)[0]
            - 6 * self.logits[:, None, None]
        )

    def __call__(self, crop):
        assert crop.shape == (self.spec.size, self.spec.size, 3)
        places = np.zeros((len(self.logits), 4, 4), np.float32)
        places[:, self.at[0], self.at[1]] = 16 * self.logits
        return places + self.typical


@pytest.mark.parametrize("at", [(0, 0), (1, 2), (3, 1)])
def test_evidence_lies_where_the_net_says(finished, pixels, at):
    bundle = Bundle.load(finished / "cache/model")
    features, (face,) = bundle.features([pixels])
    # Typical logits of 0 and a raw score that rises with them, so that all of a push is in its place.
    bundle.reference.real[:, features.columns.get_indexer(features.filter(like="net_").columns)] = 0
    nets = {
        name: OneHot(net, at, features[bundle.info.blocks[name].columns].to_numpy(np.float32)[0])
        for name, net in bundle.evidence_nets.items()
    }
    bundle.__dict__["evidence_nets"] = {name: nets[name] for name in ("net_rgb",)}
    (why,) = explain(bundle, [pixels])
    x0, y0, x1, y1 = why.crop.native
    assert why.evidence.shape == (y1 - y0, x1 - x0)
    inverse = np.linalg.inv(np.vstack([bundle.crop(pixels, face).matrix, [0, 0, 1]]))
    x, y, _ = inverse @ [(at[1] + 0.5) / 4, (at[0] + 0.5) / 4, 1]
    rows, columns = np.indices(why.evidence.shape)
    weight = np.abs(why.evidence)
    assert weight.sum() > 0
    centre = np.array([(columns * weight).sum(), (rows * weight).sum()]) / weight.sum()
    assert centre == pytest.approx([x - x0 - 0.5, y - y0 - 0.5], abs=0.2 * (x1 - x0))


def test_page_and_json_say_the_score_that_predict_gives(finished, tmp_path, monkeypatch):
    monkeypatch.chdir(finished)
    names = sorted((finished / "demo/testset").iterdir())[:2]
    broken = tmp_path / "broken<b>.jpg"
    broken.write_bytes(b"no picture")
    out = tmp_path / "why.html"
    command.main([*map(str, names), str(broken), "--out", str(out)])
    first, second, third = json.loads((tmp_path / "why.json").read_text())
    assert first["img_name"] == str(names[0])
    assert first["y_pred"] == pytest.approx(predict.score(names[0]), abs=1e-6)
    assert len(first["features"]) == len(Bundle.load(finished / "cache/model").stacker.columns)
    assert second["y_pred"] != first["y_pred"]
    assert third["y_pred"] is None
    page = out.read_text()
    assert f"Score {first['y_pred']:.4f}" in page
    assert "broken&lt;b&gt;.jpg" in page
    assert "broken<b>" not in page
    assert first["features"][0]["column"] in page
    assert "http" not in page.replace("http://www.w3.org", "").replace("http-equiv", "")
    info = Bundle.load(finished / "cache/model").info
    kinds = [expert.kind for expert in info.stacker.experts]
    assert not english(
        page, names=[*map(str, names), str(broken), *info.stacker.columns, *info.blocks, *kinds]
    )


def test_the_page_and_json_say_what_the_file_says_of_its_making(finished, tmp_path, monkeypatch):
    told = ContentCredentials("valid", signer="Camera & Co", sources=("digitalCapture",))
    monkeypatch.setattr("pipeline.serving.pictures.read_credentials", lambda data: told)
    monkeypatch.chdir(finished)
    name = sorted((finished / "demo/testset").iterdir())[0]
    command.main([str(name), "--out", str(tmp_path / "why.html")])
    (record,) = json.loads((tmp_path / "why.json").read_text())
    assert record["content_credentials"] == asdict(told) | {"sources": ["digitalCapture"], "problems": []}
    assert "as Camera &amp; Co signed it" in (tmp_path / "why.html").read_text()


def test_more_images_than_a_page_holds_are_refused(finished, monkeypatch):
    monkeypatch.chdir(finished)
    monkeypatch.setattr(command, "MAX_IMAGES", 3)
    with pytest.raises(LabelError, match="one page holds 3"):
        command.main(["demo/testset"])
