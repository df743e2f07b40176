"""What a net is shown in which order: real faces, each beside the fakes that it is told from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.errors import UserError
from models.kinds import LABELLED, REAL


@dataclass(frozen=True)
class TrainingSample:
    """One picture of a training step.

    Attributes
    ----------
    row : int
        Place among the train images.
    kind : str
        `real`, `labelled`, or a kind of pseudo-fake that is made of that row.
    draw : int
        Seed of the augmentation. The pictures of one pair share it: what differs is the forgery.
    """

    row: int
    kind: str
    draw: int


@dataclass(frozen=True)
class PairedSampler:
    """Pairs of a real face and one fake of each kind, drawn anew for every epoch.

    A pseudo-fake is made from the pair's own real face; the labelled fake comes from its group (the
    same clip or person) where that has one, else from its source, else from anywhere. Seen side by
    side in one batch, alike in all but the forgery, they teach the forgery [1]_.

    Attributes
    ----------
    target : int array, shape (n,)
        0 real, 1 fake, of the train images.
    groups, sources : str array, shape (n,)
    heads : tuple of str
        What is learned, each a `TrainingSample.kind`.
    balance : float
        0 draws every real face alike, 1 every source alike, between them a power.
    seed : int

    References
    ----------
    .. [1] Shiohara & Yamasaki 2022, "Detecting Deepfakes with Self-Blended Images", arXiv:2204.08376
    """

    target: NDArray[np.integer]
    groups: NDArray[np.str_]
    sources: NDArray[np.str_]
    heads: tuple[str, ...]
    balance: float
    seed: int

    @property
    def pair_size(self) -> int:
        """Samples of a pair: a real face and a fake of each kind."""
        return 1 + len(self.heads)

    @property
    def pairs_per_epoch(self) -> int:
        """Pairs of an epoch: about as many samples as there are train images."""
        return max(len(self.target) // self.pair_size, 1)

    def batching(self, batch_size: int) -> tuple[int, int]:
        """Samples of a batch of whole pairs, `batch_size` at most where a pair fits, and of an epoch of such batches."""
        batch = max(batch_size // self.pair_size, 1) * self.pair_size
        samples = self.pairs_per_epoch * self.pair_size
        return batch, samples // batch * batch or samples

    def epoch(self, number: int) -> list[TrainingSample]:
        """Draw the samples of one epoch, pair by pair.

        Parameters
        ----------
        number : int
            Of the epoch; it decides the draw together with the seed.

        Returns
        -------
        list of TrainingSample
            Each pair is a real face, then a fake per head in the order of the heads.

        Raises
        ------
        UserError
            Where a class that the heads need is absent.
        """
        rng = np.random.default_rng([self.seed, number])
        draws = self._expected_draws
        times = np.floor(draws) + (rng.random(len(draws)) < draws % 1)
        reals = rng.permutation(np.repeat(self._reals, times.astype(np.int64)))
        samples = []
        for row in np.resize(reals, self.pairs_per_epoch).tolist():
            draw = int(rng.integers(2**62))
            samples.append(TrainingSample(row, REAL, draw))
            for kind in self.heads:
                partner = self._partner(row, rng) if kind == LABELLED else row
                samples.append(TrainingSample(partner, kind, draw))
        return samples

    def goal(self, kind: str) -> list[float]:
        """Targets of a picture for each head.

        Parameters
        ----------
        kind : str
            Of the picture.

        Returns
        -------
        list of float
            1 for the head of that kind, 0 for all where the face is real, else NaN: nothing to learn.
        """
        return [1.0 if kind == head else 0.0 if kind == REAL else float("nan") for head in self.heads]

    @cached_property
    def _reals(self) -> NDArray[np.int64]:
        rows = np.flatnonzero(self.target == 0)
        if not len(rows) or (LABELLED in self.heads and len(rows) == len(self.target)):
            missing = "real face" if not len(rows) else "deepfake"
            raise UserError(
                f"a net learns {', '.join(self.heads)}, but its train images hold no {missing}; "
                "give it images of both classes, or take the net out of finetune.nets"
            )
        return rows

    @cached_property
    def _expected_draws(self) -> NDArray[np.float64]:
        """Of each real face per epoch, float64 (reals,)."""
        weight = source_weights(self.sources[self._reals], balance=self.balance)
        return weight * self.pairs_per_epoch / len(self._reals)

    @cached_property
    def _fakes(self) -> tuple[dict[str, list[int]], dict[str, list[int]], list[int]]:
        rows = np.flatnonzero(self.target == 1).tolist()
        by_group: dict[str, list[int]] = defaultdict(list)
        by_source: dict[str, list[int]] = defaultdict(list)
        for row in rows:
            by_group[str(self.groups[row])].append(row)
            by_source[str(self.sources[row])].append(row)
        return by_group, by_source, rows

    def _partner(self, row: int, rng: np.random.Generator) -> int:
        by_group, by_source, all_fakes = self._fakes
        near: Sequence[int] = (
            by_group.get(str(self.groups[row])) or by_source.get(str(self.sources[row])) or all_fakes
        )
        return near[int(rng.integers(len(near)))]


def source_weights(sources: NDArray[np.str_], *, balance: float) -> NDArray[np.float64]:
    """Relative weight of each row: in a source of m rows, m to the power -balance.

    Parameters
    ----------
    sources : str array, shape (n,)
    balance : float
        0: all alike; 1: every source has the same sum.

    Returns
    -------
    float64 array, shape (n,), mean 1
    """
    _, source, rows_of_source = np.unique(sources, return_inverse=True, return_counts=True)
    weight = ((len(sources) / rows_of_source) ** balance)[source]
    return np.asarray(weight / weight.mean(), dtype=np.float64)
