"""Real, fake or undecided: how a score becomes an answer, by the thresholds that the bundle guarantees."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Literal

from models.bundle_info import OVERALL, BundleInfo, ThresholdInfo
from models.stacker.calibration import at_prior
from pipeline.service.results import FaceResult
from pipeline.service.settings import ServiceError

Answer = Literal["real", "fake", "undecided"]
Reason = Literal["above", "below", "between", "no_thresholds", "no_face", "out_of_distribution"]
USUAL_RATE = 0.05


@dataclass(frozen=True)
class Policy:
    """The limits of the answers.

    Attributes
    ----------
    rate : float or None
        At most this share of real faces is answered fake, and of fakes real, each with 95 % confidence, for images
        like those that the bundle was calibrated on. None where the bundle had too few of those for any rate.
    fake_above, real_below : float or None
        Limits of the score at the training mix; None where that answer is never given.
    trained_prior, prior : float
        Shares of fakes that the score and the probability are for.
    """

    rate: float | None
    fake_above: float | None
    real_below: float | None
    trained_prior: float
    prior: float

    @classmethod
    def of(cls, info: BundleInfo, *, rate: float | None, prior: float | None) -> Policy:
        """The policy for a bundle.

        Parameters
        ----------
        info : BundleInfo
        rate : float or None
            One of the bundle's; without it the usual one, or the next larger that has a limit.
        prior : float or None
            Share of fakes to expect; without it that of training.

        Raises
        ------
        ServiceError
            For a rate that the bundle has no limits for.
        """
        limits = _limits(info, rate)
        wanted = info.prior if prior is None else prior
        if limits is None:
            return cls(None, None, None, info.prior, wanted)
        return cls(limits.rate, limits.fake_above, limits.real_below, info.prior, wanted)

    @property
    def version(self) -> str:
        """Of everything that an answer depends on beside the model."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]

    def answer(self, face: FaceResult) -> tuple[Answer, Reason]:
        """The answer to what was scored, and why.

        The guarantee is for images like the calibration's. One without a face or unlike all training images is none of
        them, so its answer is undecided, whatever its score.
        """
        if not face.found:
            return "undecided", "no_face"
        if face.is_strange:
            return "undecided", "out_of_distribution"
        if self.fake_above is not None and face.score > self.fake_above:
            return "fake", "above"
        if self.real_below is not None and face.score < self.real_below:
            return "real", "below"
        known = self.fake_above is not None or self.real_below is not None
        return "undecided", "between" if known else "no_thresholds"

    def probability(self, score: float) -> float:
        """A score for the expected share of fakes."""
        if self.prior == self.trained_prior:
            return score
        return float(at_prior(score, trained=self.trained_prior, wanted=self.prior))


def _limits(info: BundleInfo, rate: float | None) -> ThresholdInfo | None:
    overall = [limit for limit in info.thresholds if limit.source == OVERALL]
    known = {
        limit.rate: limit for limit in overall if limit.fake_above is not None or limit.real_below is not None
    }
    if rate is None:
        usual = [at for at in sorted(known) if at >= USUAL_RATE]
        return known[usual[0]] if usual else None
    if rate not in known:
        most = max(((limit.reals, limit.fakes) for limit in overall), default=(0, 0))
        rates = ", ".join(f"{at:g}" for at in sorted(known)) or "none: it has too few calibration images"
        raise ServiceError(
            f"--rate is {rate:g}; the bundle, calibrated on {most[0]} independent real faces and {most[1]} fakes, has limits "
            f"for {rates}; choose one of them, or leave --rate out"
        )
    return known[rate]
