"""Scores for another share of fakes than that of training."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from models.stacker.calibration import at_prior

if TYPE_CHECKING:  # it loads torch, which the front of the service does without
    from pipeline.serving.prediction_rows import PredictionRow


def with_prior(rows: Iterable[PredictionRow], *, trained: float, wanted: float) -> Iterator[PredictionRow]:
    """Rows with scores for another share of fakes.

    Parameters
    ----------
    rows : iterable of PredictionRow
    trained, wanted : float
        Shares of fakes that the scores are for and shall be for; an image that could not be read gets the latter.
    """
    for row in rows:
        yield replace(row, score=float(at_prior(row.score, trained=trained, wanted=wanted)))


def share(text: str) -> float:
    """A share of fakes or an error rate from the command line; 0 and 1 leave nothing to say of an image."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"is {text!r}, allowed is a number between 0 and 1, such as 0.05")
    return value
