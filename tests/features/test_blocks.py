"""Rules that hold for every block; the message of a failing test says what to do."""

from __future__ import annotations

import inspect
import pkgutil
import re

import numpy as np
import pytest

import features.blocks
from features.signals import Signals
from features.spectral import blocks, get
from tests.features.pictures import as_views, enlarged, textured

NAMES = list(blocks())
MODULES = sorted(module.name for module in pkgutil.iter_modules(features.blocks.__path__))
IDENTIFIER = re.compile(r"arXiv:\d{4}\.\d{4,5}|doi:10\.\d{4,}/[^\s;,]+")


def values_of(name, pixels, **options):
    return get(name).compute(Signals(as_views(pixels, **options)))


@pytest.mark.parametrize("module", MODULES)
def test_a_module_registers_the_block_of_its_name(module):
    home = f"features.blocks.{module}"
    registered = [block.name for block in blocks().values() if block.target.startswith(f"{home}:")]
    assert registered == [module], (
        f"features/blocks/{module}.py registers {registered or 'no block'}; it must register one block, of its "
        f"name: @block(name={module!r}, ...). Code that blocks share lies in features/."
    )
    assert get(module).target == f"{home}:{module}", f"name the function that computes the block {module!r}"


@pytest.mark.parametrize("name", NAMES)
class TestEachBlock:
    def test_states_its_formula(self, name):
        summary, _, body = (inspect.getdoc(get(name).compute) or "").partition("\n\n")
        assert summary.endswith("."), (
            f"start the docstring of {name} with one sentence that ends with a point"
        )
        assert "\n" not in summary, f"docstring of {name}: the first sentence must fit on one line"
        formula = body.partition("Parameters\n---")[0]
        assert " = " in formula, (
            f"docstring of {name}: write the formula of each number as `column = ...` below the first sentence, "
            "before Parameters"
        )

    def test_cites_its_source(self, name):
        block = get(name)
        cited = IDENTIFIER.findall(block.source)
        assert cited, (
            f"source of {name} is {block.source!r}; give the arXiv number (arXiv:1912.11035) or the doi "
            "(doi:10.1109/34.192463) of the paper that the formula comes from"
        )
        references = (inspect.getdoc(block.compute) or "").partition("References\n----------\n")[2]
        lacking = [identifier for identifier in cited if identifier not in references]
        assert not lacking, f"docstring of {name}: add {lacking} under the section References"

    def test_same_columns_and_no_infinity_for_any_picture(self, name, any_picture):
        for found in (True, False):
            values = values_of(name, any_picture, found=found)
            assert values.shape == (len(get(name).columns),), f"{name} must return one number a column"
            assert values.dtype == np.float32, f"{name} must return float32: end with .astype(np.float32)"
            infinite = np.array(get(name).columns)[np.isinf(values)]
            assert not infinite.size, (
                f"{infinite.tolist()} must be NaN where nothing can be measured, not infinite"
            )

    def test_is_deterministic(self, name, any_picture):
        first, second = (values_of(name, any_picture).tobytes() for _ in range(2))
        assert first == second, f"{name} gives other numbers for the same picture: seed what is random"

    def test_measures_everything_on_an_ordinary_face(self, name):
        values = values_of(name, textured(224, 224), margin=32)
        missing = [c for c, v in zip(get(name).columns, values, strict=True) if np.isnan(v)]
        assert not missing, f"{missing} are NaN on an ordinary face of 160 px: nothing may be missing there"

    def test_brightness_offset_changes_nothing(self, name):
        pixels = textured(160, 160)
        darker, brighter = (values_of(name, p, margin=16) for p in (pixels, pixels + 30))
        message = f"{name} changes when 30 grey levels are added: subtract means, or use differences"
        np.testing.assert_allclose(darker, brighter, rtol=1e-3, atol=3e-3, err_msg=message)

    def test_depends_on_the_picture(self, name):
        natural, repeated = (values_of(name, p, margin=16) for p in (textured(128, 128), enlarged(128, 128)))
        equal = np.array(get(name).columns)[natural == repeated]
        assert len(equal) < 0.2 * len(natural), (
            f"{equal.tolist()} are equal on two different pictures: drop them"
        )


@pytest.mark.parametrize("name", ["radial", "angular"])
def test_mirroring_changes_nothing(name):
    pixels = textured(96, 128)
    straight, mirrored = (values_of(name, p) for p in (pixels, pixels[:, ::-1]))
    np.testing.assert_allclose(straight, mirrored, rtol=1e-3, atol=1e-3)
