"""The count is right where the map is known."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from benchmarks.evidence import __main__ as command
from benchmarks.evidence import measure
from benchmarks.evidence.kinds import Forged
from benchmarks.quality.portraits import Portrait
from models.kinds import Forgery
from tests.benchmarks.quality.faces import portrait


def known_map(bundle, pictures):
    """Evidence where a picture differs from grey: as a perfect map of a mark on a grey picture."""
    return [
        SimpleNamespace(
            evidence=np.abs(picture.astype(np.float32) - 128).mean(axis=2)[10:150, 10:150] * bundle.sign,
            crop=SimpleNamespace(native=(10, 10, 150, 150)),
            prediction=SimpleNamespace(score=0.75),
        )
        for picture in pictures
    ]


def marked(face, donor, rng):
    """A bright square on the picture."""
    mask = np.zeros((160, 160), np.float32)
    mask[60:90, 70:110] = 1
    fake = np.where(mask[..., None] > 0, 200, face.pixels).astype(np.uint8)
    return Forged.of(Forgery(face.pixels, fake, mask))


@pytest.mark.parametrize(("sign", "share"), [(1, "1.000"), (-1, "0.000")])
def test_a_map_that_points_at_the_forgery_is_counted(monkeypatch, sign, share):
    monkeypatch.setattr(measure, "explain", known_map)
    monkeypatch.setitem(measure.KINDS, "mark", marked)
    grey = Portrait(np.full((160, 160, 3), 128, np.uint8), portrait(0).face)
    rows = pd.DataFrame(measure.measure(SimpleNamespace(sign=sign), [grey, grey], ["mark"]))
    assert rows["inside"].abs().tolist() == [72, 72]
    (line,) = measure.table(rows).splitlines()[2:]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[:2] == ["mark", "2"]
    assert cells[2].startswith(share)
    assert cells[4].startswith("0.000")  # unforged: alike everywhere, so not higher inside


def test_a_bundle_without_a_map_gives_no_row(monkeypatch):
    nothing = SimpleNamespace(evidence=None, crop=None, prediction=SimpleNamespace(score=0.5))
    monkeypatch.setattr(measure, "explain", lambda bundle, pictures: [nothing] * len(pictures))
    assert not list(measure.measure(None, [portrait(0), portrait(1)], ["mouth"]))


def test_shares_have_wilsons_interval_and_a_line_for_all():
    rows = pd.DataFrame(
        {
            "kind": ["a"] * 10 + ["b"] * 10,
            "score": [0.9] * 5 + [0.1] * 15,
            "inside": 1.0,
            "outside": [0.0] * 18 + [2.0] * 2,
            "real_inside": 0.0,
            "real_outside": 0.0,
        }
    )
    first, second, both = measure.table(rows).splitlines()[2:]
    assert first.startswith("| a | 10 | 1.000 (0.722–1.000) of 10 | 1.000 (0.566–1.000) of 5 |")
    assert "| 0.800 (0.490–0.943) of 10 | – |" in second
    assert both.startswith("| all | 20 | 0.900 ")


def test_unknown_kinds_are_refused(capsys):
    with pytest.raises(SystemExit, match="2"):
        command.main(["--bundle", "b", "--data", "d", "--kinds", "swap,mask"])
    assert "mask is unknown; known are swap, clone, eyes, mouth, blend" in capsys.readouterr().err
