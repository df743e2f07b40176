"""Faults that are known, to see that the command counts them."""

from __future__ import annotations

import os
import random

from tests.fuzz import worker
from tests.fuzz.faults import demand


class Planted:
    """The first four inputs are fine, a broken promise, an endless loop and a crash; the others are fine."""

    def __init__(self) -> None:
        self.numbers = {repr(random.Random(f"planted 0 {i}").random()): i for i in range(4)}

    def check(self, rng: random.Random) -> str:
        """What the number of the input says."""
        number = self.numbers.get(repr(rng.random()), 0)
        demand(number != 1, "a promise was broken")
        while number == 2:
            pass
        if number == 3:
            os.abort()
        return "fine"


def make() -> Planted:
    """In the process of the inputs, whose endless loop need not take as long as others may."""
    worker.CPU_SECONDS = 0.5
    return Planted()
