"""Blocks by name, and several at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.signals import Signals
from features.spectral import blocks, compute, get
from tests.features.pictures import as_views, noise, textured

NAMES = list(blocks())


def test_blocks_are_listed_by_name():
    assert sorted(NAMES) == NAMES
    assert all(get(name) is block and block.name == name for name, block in blocks().items())


def test_compute_keeps_the_order_and_agrees_with_each_block_alone():
    views = as_views(textured(96, 96))
    together = compute(views, NAMES[::-1])
    assert list(together) == NAMES[::-1]
    for name, values in together.items():
        np.testing.assert_array_equal(values, get(name).compute(Signals(views)))


def test_an_unknown_block_is_named_with_the_known_ones():
    with pytest.raises(
        ValueError, match=r"spectral block 'sonar' is unknown; known blocks are ang.*; correct"
    ):
        compute(as_views(textured(32, 32)), ["radial", "sonar"])


@settings(max_examples=20, deadline=None)
@given(height=st.integers(1, 70), width=st.integers(1, 70), seed=st.integers(0, 999))
def test_any_size_gives_finite_numbers_or_nan(height, width, seed):
    margin = seed % (max(min(height, width) - 1, 0) // 2 + 1)
    views = as_views(noise(height, width, seed=seed), margin=margin)
    for name, values in compute(views, NAMES).items():
        assert not np.isinf(values).any(), name
