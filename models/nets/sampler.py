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

    row : place among the train images. kind : `real`, `labelled` or a kind of pseudo-fake of that row.
    draw : seed of the augmentation. The pictures of one pair share it: what differs is the forgery.
    """

    row: int
    kind: str
    draw: int


@dataclass(frozen=True)
class PairedSampler:
    """Pairs of a real face and one fake of each kind, drawn anew for every epoch.

    A pseudo-fake is made from the pair's own real face; the labelled fake comes from its group (the
    same clip or person) where that has one, else from its source, else from anywhere. Seen side by
    side in one batch, alike in all but the forgery, they teach the forgery (Shiohara & Yamasaki 2022).

    target : 0 or 1, (n,). groups, sources : str (n,). heads : what is learned, as `TrainingSample.kind`.
    balance : 0 draws every real face alike, 1 every source alike, between them a power.
    """

    target: NDArray[np.integer]
    groups: NDArray[np.str_]
    sources: NDArray[np.str_]
    heads: tuple[str, ...]
    balance: float
    seed: int

    @property
    def pair_size(self) -> int:
        """Pictures of a pair: a real face and a fake of each kind."""
        return 1 + len(self.heads)

    @property
    def pairs_per_epoch(self) -> int:
        """Pairs of an epoch: as many pictures as there are train images, about."""
        return max(len(self.target) // self.pair_size, 1)

    def epoch(self, number: int) -> list[TrainingSample]:
        """The samples of one epoch in order, pair by pair. UserError where a class is absent."""
        rng = np.random.default_rng([self.seed, number])
        times = np.floor(self._draws) + (rng.random(len(self._draws)) < self._draws % 1)
        real = rng.permutation(np.repeat(self._reals, times.astype(np.int64)))
        found = []
        for row in np.resize(real, self.pairs_per_epoch).tolist():
            draw = int(rng.integers(2**62))
            found.append(TrainingSample(row, REAL, draw))
            for kind in self.heads:
                partner = self._partner(row, rng) if kind == LABELLED else row
                found.append(TrainingSample(partner, kind, draw))
        return found

    def goal(self, kind: str) -> list[float]:
        """Target of a picture of that kind for each head: 1 for its own, 0 for real faces, else NaN."""
        return [1.0 if kind == head else 0.0 if kind == REAL else float("nan") for head in self.heads]

    @cached_property
    def _reals(self) -> NDArray[np.int64]:
        rows = np.flatnonzero(self.target == 0)
        if not len(rows) or (LABELLED in self.heads and len(rows) == len(self.target)):
            missing = "real face" if not len(rows) else "deepfake"
            raise UserError(f"a net learns {', '.join(self.heads)}, but its train images hold no {missing}")
        return rows

    @cached_property
    def _draws(self) -> NDArray[np.float64]:
        """Expected draws of each real face per epoch."""
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
        by_group, by_source, everyone = self._fakes
        near: Sequence[int] = (
            by_group.get(str(self.groups[row])) or by_source.get(str(self.sources[row])) or everyone
        )
        return near[int(rng.integers(len(near)))]


def source_weights(sources: NDArray[np.str_], *, balance: float) -> NDArray[np.float64]:
    """Relative weight of a row, mean 1: a row of a source of n rows weighs n to the power -balance."""
    _, which, counts = np.unique(sources, return_inverse=True, return_counts=True)
    weight = (len(sources) / counts) ** balance
    draws = weight[which]
    return np.asarray(draws / draws.mean(), dtype=np.float64)
