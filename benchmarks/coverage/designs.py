"""Data whose truth is known: scores of images in groups, drawn from two normal distributions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit
from scipy.stats import norm

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Classes = Literal["apart", "both", "some"]

REALS = (100, 1000, 5000)
GROUPS = (10, 30, 100, 300)
CORRELATIONS = (0.0, 0.3, 0.8)
CLASSES: tuple[Classes, ...] = ("apart", "both", "some")
SHIFTS = (1.0, 2.3, 3.3)  # AUC 0.76, 0.95, 0.99
MOST_FAKES = 1000
LARGEST_BOOTSTRAP = 1000
UNEQUAL_SPREAD = 1.2  # standard deviation of the logarithm of a group's size
RIVAL_SHARE = 0.7  # correlation of a rival's score with the score
TIMID = 0.6  # times the log-odds that are right: a forecast that is not sure enough


@dataclass(frozen=True)
class Design:
    """How data are drawn.

    Attributes
    ----------
    reals, groups : int
        Real images, and groups of any class; there are as many fakes as reals, at most `MOST_FAKES`.
    correlation : float
        Of two scores of one group.
    unequal : bool
        Whether group sizes are log-normal; equal otherwise.
    classes : {"apart", "both", "some"}
        Whether a group holds one class, both, or a third of the groups each.
    shift : float
        How far fakes are above reals, in standard deviations.
    """

    reals: int
    groups: int
    correlation: float
    unequal: bool
    classes: Classes
    shift: float

    @property
    def fakes(self) -> int:
        """How many there are."""
        return min(self.reals, MOST_FAKES)


def designs(*, full: bool, part: str = "ranked") -> list[Design]:
    """Designs to simulate.

    Parameters
    ----------
    full : bool
        Every combination; otherwise of the classes and shifts one for each of the others, in turn.
    part : str
        All but `ranked` leave the largest out, whose bootstraps take hours.
    """
    outer = [
        (reals, groups, correlation, unequal)
        for reals, groups, correlation, unequal in product(REALS, GROUPS, CORRELATIONS, (False, True))
        if groups <= reals and (part == "ranked" or reals <= LARGEST_BOOTSTRAP)
    ]
    inner = list(product(CLASSES, SHIFTS))
    if full:
        return [Design(*of_sizes, *of_scores) for of_sizes in outer for of_scores in inner]
    return [Design(*of_sizes, *inner[(4 * index) % len(inner)]) for index, of_sizes in enumerate(outer)]


def threshold_designs() -> list[Design]:
    """Designs of images that are kept back for thresholds."""
    sizes = ((300, 100), (600, 300), (1000, 1000))
    return [
        Design(reals, groups, correlation, unequal, "both", 2.3)
        for (reals, groups), correlation, unequal in product(sizes, CORRELATIONS, (False, True))
        if groups < reals or not unequal
    ]


@dataclass(frozen=True)
class Sample:
    """Scored images; `rival` is a second score of them, of the same quality."""

    target: Ints
    score: Floats
    rival: Floats
    groups: Ints


def draw(design: Design, generator: np.random.Generator) -> Sample:
    """Draw images: normal scores, a part of which their group shares."""
    third = design.groups // 3
    of_real, of_fake = {
        "apart": (np.arange(design.groups // 2), np.arange(design.groups // 2, design.groups)),
        "both": (np.arange(design.groups), np.arange(design.groups)),
        "some": (np.arange(2 * third), np.arange(third, design.groups)),
    }[design.classes]
    groups = np.concatenate(
        [
            np.repeat(names, _sizes(count, len(names), design.unequal, generator))
            for names, count in ((of_real, design.reals), (of_fake, design.fakes))
        ]
    )
    target = np.repeat([0, 1], [design.reals, design.fakes])
    score, own = (_noise(groups, design, generator) for _ in range(2))
    rival = RIVAL_SHARE * score + np.sqrt(1 - RIVAL_SHARE**2) * own
    shift = design.shift * target
    return Sample(target=target, score=score + shift, rival=rival + shift, groups=groups)


def _sizes(count: int, groups: int, unequal: bool, generator: np.random.Generator) -> Ints:
    if not unequal:
        return np.full(groups, count // groups) + (np.arange(groups) < count % groups)
    weight = np.exp(UNEQUAL_SPREAD * generator.normal(size=groups))
    return 1 + generator.multinomial(count - groups, weight / weight.sum())


def _noise(groups: Ints, design: Design, generator: np.random.Generator) -> Floats:
    shared = generator.normal(size=design.groups)[groups]
    own = generator.normal(size=len(groups))
    return np.sqrt(design.correlation) * shared + np.sqrt(1 - design.correlation) * own


def probability(score: Floats, design: Design) -> Floats:
    """Probability of fake that a score means where real and fake are alike frequent."""
    return forecast(score, design, sureness=1.0)


def forecast(score: Floats, design: Design, *, sureness: float) -> Floats:
    """Probability of fake by a forecast whose log-odds are so many times those of `probability`."""
    return np.asarray(expit(_log_odds(score, design, sureness=sureness)), dtype=np.float64)


def _log_odds(score: Floats, design: Design, *, sureness: float) -> Floats:
    return sureness * design.shift * (score - design.shift / 2)


@cache
def too_sure(design: Design) -> float:
    """How sure a forecast has to be to lose, by rare large errors, as much on average as one that is `TIMID`."""
    wanted = _log_loss(design, TIMID)
    return float(brentq(lambda sureness: _log_loss(design, sureness) - wanted, 1.0, 20.0))


def _log_loss(design: Design, sureness: float) -> float:
    """Mean log loss of a forecast over endlessly many images."""
    score, real, fake = _frequencies(design)
    odds = _log_odds(score, design, sureness=sureness)
    return float(real @ np.logaddexp(0, odds) + fake @ np.logaddexp(0, -odds))


def _frequencies(design: Design) -> tuple[Floats, Floats, Floats]:
    """Scores in small steps, and how much of all images are reals and fakes of each."""
    share = design.fakes / (design.fakes + design.reals)
    score = np.linspace(-8, 8 + design.shift, 40_001)
    step = score[1] - score[0]
    return score, (1 - share) * step * norm.pdf(score), share * step * norm.pdf(score - design.shift)


def truth(design: Design, bounds: dict[str, float]) -> dict[str, float]:
    """The figures of endlessly many images of endlessly many groups.

    Parameters
    ----------
    design : Design
    bounds : dict of str to float
        Bounds of the FPR, by the name of the TPR there.
    """
    share = design.fakes / (design.fakes + design.reals)
    score, real, fake = _frequencies(design)
    p = probability(score, design)
    tpr, fpr = norm.sf(score - design.shift), norm.sf(score)
    precision = share * tpr / np.maximum(share * tpr + (1 - share) * fpr, 1e-300)
    tprs = {name: float(norm.cdf(design.shift + norm.ppf(bound))) for name, bound in bounds.items()}
    return {
        "auc": float(norm.cdf(design.shift / np.sqrt(2))),
        **tprs,
        "ap": float(fake @ precision) / share,
        "eer": float(norm.cdf(-design.shift / 2)),
        "brier": float(real @ p**2 + fake @ (1 - p) ** 2),
        "log_loss": _log_loss(design, 1.0),
        "auc_difference": 0.0,
    }
