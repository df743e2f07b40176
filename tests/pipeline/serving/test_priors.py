"""Another share of fakes: what it makes of scores, and how the command takes it."""

from __future__ import annotations

import pytest

from pipeline import predict
from pipeline.serving.prediction_rows import BY_MODEL, BY_PRIOR, PredictionRow
from pipeline.serving.priors import with_prior


def test_another_prior_moves_every_score_and_that_of_unreadable_images_to_it():
    rows = [
        PredictionRow("a.png", 0.5, BY_MODEL, "ok", ""),
        PredictionRow("gone.png", 0.25, BY_PRIOR, "missing_file", "not there"),
    ]
    moved = list(with_prior(rows, trained=0.25, wanted=0.05))
    odds = 1.0 * (0.05 / 0.95) / (0.25 / 0.75)
    assert moved[0].score == pytest.approx(odds / (1 + odds))
    assert moved[1].score == pytest.approx(0.05)
    assert [(row.name, row.status, row.warnings) for row in moved] == [
        (row.name, row.status, row.warnings) for row in rows
    ]


@pytest.mark.parametrize("prior", ["0", "1", "5%", "nan"])
def test_a_prior_that_is_no_share_is_refused(prior, capsys):
    with pytest.raises(SystemExit, match="2"):
        predict.main(["--images", "a", "--prior", prior])
    assert f"is '{prior}', allowed is a number between 0 and 1" in capsys.readouterr().err
