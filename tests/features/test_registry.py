"""Registration of a block, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from features import registry

MODULE = __name__


@pytest.fixture(autouse=True)
def _empty(monkeypatch):
    monkeypatch.setattr(registry, "BLOCKS", {})


def register(name="one", columns=("a",), doc="Documented."):
    def function(signals):
        return np.zeros(1, np.float32)

    function.__doc__ = doc
    return registry.block(name=name, columns=columns, source="none")(function)


def test_columns_get_the_name_of_the_block():
    register(columns=("a", "b.c"))
    assert registry.BLOCKS["one"].columns == ("one.a", "one.b.c")


def test_the_function_stays_as_it_is_and_is_the_target():
    function = register()
    assert registry.BLOCKS["one"].compute is function
    assert registry.BLOCKS["one"].target == f"{MODULE}:register.<locals>.function"


def test_refuses_a_second_block_of_that_name():
    register()
    with pytest.raises(
        ValueError, match=r"block 'one' of .*function: .* has registered that name.*choose another"
    ):
        register()


@pytest.mark.parametrize("columns", [("A",), ("a b",), ("",), ("a.",), ()])
def test_refuses_malformed_columns(columns):
    with pytest.raises(ValueError, match=r"block 'one' of .*: columns are .*; allowed are .*; rename them"):
        register(columns=columns)


def test_refuses_repeated_columns():
    with pytest.raises(
        ValueError, match=r"columns \['one.a'\] are repeated, each must be distinct; rename them"
    ):
        register(columns=("a", "b", "a"))


@pytest.mark.parametrize("doc", [None, "", "  "])
def test_refuses_an_undocumented_function(doc):
    with pytest.raises(ValueError, match=r"block 'one' of .*: no docstring; write one with the formula"):
        register(doc=doc)


def test_a_refused_block_is_not_registered():
    with pytest.raises(ValueError, match="no docstring"):
        register(doc=None)
    assert registry.BLOCKS == {}
