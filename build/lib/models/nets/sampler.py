"""What a net is shown in which order: real faces, each beside the fakes that it is told from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.errors import UserError
from models.kinds import LABELLED


@dataclass(frozen=True)
class TrainingPair:
    """A real face and a fake that it is told from, side by side in one training step.

    Attributes
    ----------
    kind : str
        Of the fake: `labelled`, or a kind of pseudo-fake.
    real, fake : int
        Places among the train images; a pseudo-fake is made from its own real face.
    draw : int
        Seed of the augmentation, which both share: what differs is the forgery.
    """

    kind: str
    real: int
    fake: int
    draw: int


@dataclass(frozen=True)
class PairedSampler:
    """Pairs of a real face and a fake, as many for each head, drawn anew for every epoch.

    A pseudo-fake is made from the pair's own real face; the labelled fake comes from its group (the
    same clip or person) where that has one, else from its source, else from anywhere. Seen side by
    side in one batch, alike in all but the forgery, they teach the forgery [1]_.

    Attributes
    ----------
    target : int array, shape (n,)
        0 real, 1 fake, of the train images.
    groups, sources : str array, shape (n,)
    heads : tuple of str
        What is learned, each a `TrainingPair.kind`.
    balance : float
        0 draws every real face alike, 1 every source alike, between them a power.
    seed : int
    can_forge : dict of str to bool array, shape (n,)
        For a kind that not every real face can be made into: which can.

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
    can_forge: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)

    @property
    def pairs_per_epoch(self) -> int:
        """Pairs of an epoch, as many of each head: about as many pictures as there are train images."""
        return max(len(self.target) // (2 * len(self.heads)), 1) * len(self.heads)

    def batching(self, batch_size: int) -> tuple[int, int]:
        """Pairs of a batch and of an epoch.

        Parameters
        ----------
        batch_size : int
            Pictures of a batch at most, where a pair of each head fits.

        Returns
        -------
        int
            Pairs of a batch, as many of each head.
        int
            Pairs of an epoch of such batches.
        """
        heads, pairs = len(self.heads), self.pairs_per_epoch
        batch = max(batch_size // (2 * heads), 1) * heads
        return batch, pairs // batch * batch or pairs

    def epoch(self, number: int) -> list[TrainingPair]:
        """Draw the pairs of one epoch.

        Parameters
        ----------
        number : int
            Of the epoch; it decides the draw together with the seed.

        Returns
        -------
        list of TrainingPair
            The heads take turns.

        Raises
        ------
        UserError
            Where a class that a head needs is absent.
        """
        rng = np.random.default_rng([self.seed, number])
        turns = self.pairs_per_epoch // len(self.heads)
        reals = {kind: self._order(kind, turns, rng) for kind in self.heads}
        pairs = []
        for turn in range(turns):
            for kind in self.heads:
                real = int(reals[kind][turn])
                fake = self._partner(real, rng) if kind == LABELLED else real
                pairs.append(TrainingPair(kind, real, fake, int(rng.integers(2**62))))
        return pairs

    def goals(self, kind: str) -> tuple[list[float], list[float]]:
        """Targets of a pair's two pictures for each head.

        Parameters
        ----------
        kind : str
            Of the pair.

        Returns
        -------
        list of float
            Of the real face: 0 for every head.
        list of float
            Of the fake: 1 for the head of that kind, else NaN: nothing to learn.
        """
        fake = [1.0 if kind == head else float("nan") for head in self.heads]
        return [0.0] * len(self.heads), fake

    def _order(self, kind: str, turns: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Rows of the real faces of one head's pairs, (turns,): each about as often as it should be."""
        rows = np.flatnonzero((self.target == 0) & self.can_forge.get(kind, True))
        if not len(rows) or (kind == LABELLED and not (self.target == 1).any()):
            missing = "deepfake" if len(rows) else "real face"
            raise UserError(
                f"a net learns {', '.join(self.heads)}, but its train images hold no {missing} for {kind}; "
                "give it images of both classes, or take the net out of finetune.nets"
            )
        expected = source_weights(self.sources[rows], balance=self.balance) * turns / len(rows)
        times = np.floor(expected) + (rng.random(len(rows)) < expected % 1)
        drawn = rng.permutation(np.repeat(rows, times.astype(np.int64)))
        return np.resize(drawn if len(drawn) else rng.permutation(rows), turns)

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
