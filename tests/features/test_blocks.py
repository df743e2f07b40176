"""What must hold for every registered block."""

from __future__ import annotations

import inspect
import pkgutil
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import features.blocks
from features import registry
from features.registry import COLUMN
from features.signals import Signals
from features.spectral import blocks, compute

NAMES = sorted(blocks())
IDENTIFIER = re.compile(r"arXiv:\d{4}\.\d{5}|doi:10\.\d{4,}/[^\s;]+")


def test_there_are_enough_families():
    assert len(NAMES) >= 8
    assert 350 <= sum(len(b.columns) for b in blocks().values()) <= 550


def test_every_family_module_registers_the_block_of_its_name():
    modules = {module.name for module in pkgutil.iter_modules(features.blocks.__path__)}
    assert modules == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
class TestEachBlock:
    def test_is_documented_with_a_formula_and_its_source(self, name):
        block = blocks()[name]
        text = inspect.getdoc(block.compute) or ""
        summary, _, body = text.partition("\n\n")
        assert summary.endswith(".") and "\n" not in summary
        assert " = " in body, "the docstring gives no formula"
        cited = IDENTIFIER.findall(block.source)
        assert cited, "the source has no arXiv number or doi"
        assert [c for c in cited if c.rstrip(".") not in text] == []

    def test_columns_are_well_named(self, name):
        block = blocks()[name]
        assert all(COLUMN.fullmatch(c) and c.startswith(f"{name}.") for c in block.columns)
        assert len(set(block.columns)) == len(block.columns) <= 100
        assert block.version >= 1

    def test_same_columns_and_no_infinity_for_any_picture(self, name, any_picture, as_views):
        block = blocks()[name]
        for found in (True, False):
            values = block.compute(Signals(as_views(any_picture, found=found)))
            assert values.shape == (len(block.columns),)
            assert values.dtype == np.float32
            assert not np.isinf(values).any()

    def test_is_deterministic(self, name, any_picture, as_views):
        first, second = (blocks()[name].compute(Signals(as_views(any_picture))).tobytes() for _ in range(2))
        assert first == second

    def test_measures_everything_on_an_ordinary_face(self, name, textured, as_views):
        values = blocks()[name].compute(Signals(as_views(textured(224, 224), margin=32)))
        missing = [c for c, v in zip(blocks()[name].columns, values, strict=True) if np.isnan(v)]
        assert missing == []

    def test_brightness_offset_changes_nothing(self, name, textured, as_views):
        pixels = textured(160, 160)
        plain, brighter = (
            blocks()[name].compute(Signals(as_views(p, margin=16))) for p in (pixels, pixels + 30)
        )
        np.testing.assert_allclose(plain, brighter, rtol=1e-3, atol=3e-3)

    def test_depends_on_the_picture(self, name, textured, enlarged, as_views):
        one, other = (
            blocks()[name].compute(Signals(as_views(p, margin=16)))
            for p in (textured(128, 128), enlarged(128, 128))
        )
        assert np.mean(one != other) > 0.8


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(height=st.integers(1, 70), width=st.integers(1, 70), seed=st.integers(0, 999))
def test_any_size_gives_finite_numbers_or_nan(noise, as_views, height, width, seed):
    margin = seed % (max(min(height, width) - 1, 0) // 2 + 1)
    views = as_views(noise(height, width, seed=seed), margin=margin)
    for name, values in compute(views, NAMES).items():
        assert not np.isinf(values).any(), name


@pytest.mark.parametrize("name", ["radial", "angular"])
def test_mirroring_changes_nothing(name, textured, as_views):
    pixels = textured(96, 128)
    plain, mirrored = (blocks()[name].compute(Signals(as_views(p))) for p in (pixels, pixels[:, ::-1]))
    np.testing.assert_allclose(plain, mirrored, rtol=1e-3, atol=1e-3)


def test_compute_keeps_the_order_and_agrees_with_each_block_alone(textured, as_views):
    views = as_views(textured(96, 96))
    together = compute(views, NAMES[::-1])
    assert list(together) == NAMES[::-1]
    for name, values in together.items():
        np.testing.assert_array_equal(values, blocks()[name].compute(Signals(views)))


def test_compute_names_an_unknown_block(textured, as_views):
    with pytest.raises(ValueError, match="spectral block 'sonar' is unknown; known blocks are ang"):
        compute(as_views(textured(32, 32)), ["radial", "sonar"])


class TestRegistration:
    @pytest.fixture(autouse=True)
    def _empty(self, monkeypatch):
        monkeypatch.setattr(registry, "BLOCKS", {})

    @staticmethod
    def _register(name="one", columns=("a",), doc="Documented."):
        def function(signals):
            return np.zeros(1, np.float32)

        function.__doc__ = doc
        registry.block(name=name, columns=columns, version=1, source="none")(function)

    def test_prefixes_columns(self):
        self._register(columns=("a", "b.c"))
        assert registry.BLOCKS["one"].columns == ("one.a", "one.b.c")

    def test_refuses_a_second_block_of_that_name(self):
        self._register()
        with pytest.raises(ValueError, match="block 'one' is registered twice; choose another"):
            self._register()

    @pytest.mark.parametrize("columns", [("A",), ("a b",), ("a", "a"), ("",)])
    def test_refuses_bad_columns(self, columns):
        with pytest.raises(ValueError, match="block 'one': columns .*; allowed are distinct"):
            self._register(columns=columns)

    @pytest.mark.parametrize("doc", [None, "", "  "])
    def test_refuses_an_undocumented_function(self, doc):
        with pytest.raises(ValueError, match="block 'one' has no docstring; give its formula"):
            self._register(doc=doc)
