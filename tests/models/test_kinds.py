"""The registry of kinds of pseudo-fakes."""

import pytest

from models import kinds
from models.synthesis import pseudo_fakes


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    monkeypatch.setattr(kinds, "PSEUDO_FAKES", dict(kinds.PSEUDO_FAKES))


def forge(pixels, face, rng):
    """Nothing is changed."""
    return pixels


def test_the_function_comes_back_and_is_found_by_its_name():
    assert kinds.pseudo_fake(name="nothing")(forge) is forge
    assert kinds.PSEUDO_FAKES["nothing"] is forge


@pytest.mark.parametrize("name", ["blend", "real", "labelled", "degraded"])
def test_a_name_that_is_taken_is_refused(name):
    with pytest.raises(ValueError, match=f"'{name}' is taken; choose another name"):
        kinds.pseudo_fake(name=name)(forge)


@pytest.mark.parametrize("name", ["", "two2", "Upper", "with_bar", "é"])
def test_a_name_that_is_no_word_is_refused(name):
    with pytest.raises(ValueError, match="allowed are lower-case letters"):
        kinds.pseudo_fake(name=name)(forge)


def test_a_kind_without_words_is_refused():
    with pytest.raises(ValueError, match="has no docstring; say what it forges"):
        kinds.pseudo_fake(name="silent")(lambda pixels, face, rng: pixels)


def test_shipped_kinds_are_registered_and_their_code_is_found():
    assert set(pseudo_fakes.kinds()) >= {"blend", "resynthesis"}
    assert pseudo_fakes.code_of("blend") == "models.synthesis.self_blend:blend"
