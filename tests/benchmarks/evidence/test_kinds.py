"""What lies outside a forgery's mask is the real picture, what lies inside is not."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.evidence.kinds import KINDS
from tests.benchmarks.quality.faces import portrait


@pytest.mark.parametrize("kind", KINDS)
def test_the_mask_holds_what_was_changed(kind):
    made = [
        KINDS[kind](portrait(seed), portrait(seed + 50), np.random.default_rng(seed)) for seed in range(4)
    ]
    changed = np.array([np.abs(f.fake.astype(int) - f.real).max(axis=2)[f.inside].mean() for f in made])
    for forged in made:
        gap = np.abs(forged.fake.astype(int) - forged.real).max(axis=2)
        assert forged.inside.any()
        assert forged.outside.any()
        assert not (forged.inside & forged.outside).any()
        assert np.mean(gap[forged.outside] > 8) < 0.02
    assert changed.mean() > 5
