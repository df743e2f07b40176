"""Row keys: text and back, what is drawn by them, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.storage.row_key import RowKey

WORD = st.text("abcdef0123456789", min_size=1, max_size=8)


@given(face=WORD, variant=st.none() | st.tuples(WORD, WORD), out_of_fold=st.booleans())
def test_text_and_back(face, variant, out_of_fold):
    key = RowKey(face, *(variant or ("", "")), out_of_fold=out_of_fold)
    assert RowKey.parse(str(key)) == key


def test_every_part_makes_another_row():
    keys = [
        RowKey("a"),
        RowKey("b"),
        RowKey("a", "blend0", "c"),
        RowKey("a", "blend1", "c"),
        RowKey("a", "blend0", "d"),
    ]
    keys += [key.unseen() for key in keys]
    assert len({str(key) for key in keys}) == len(keys)


def test_code_and_role_have_no_say_in_what_is_drawn():
    key = RowKey("a", "blend0", "c")
    assert key.seed == RowKey("a", "blend0", "d").seed == key.unseen().seed
    assert len({tuple(RowKey("a", variant, "c").seed) for variant in ("blend0", "blend1", "degraded0")}) == 3
    assert RowKey("a").seed != RowKey("b").seed


def test_a_face_is_its_file_and_its_place():
    here, there = np.zeros(17, np.float32), np.ones(17, np.float32)
    a, b = "a" * 64, "b" * 64
    assert len({RowKey.of_face(a, here), RowKey.of_face(b, here), RowKey.of_face(a, there)}) == 3
    assert RowKey.of_face(a, here) == RowKey.of_face(a, here.copy())


def test_what_is_drawn_hangs_on_the_file_not_on_the_last_bit_of_a_box():
    here, beside = np.zeros(17, np.float32), np.full(17, 1e-5, np.float32)
    first, second = (RowKey.of_face("a" * 64, face) for face in (here, beside))
    assert first != second
    assert first.seed == second.seed != RowKey.of_face("b" * 64, here).seed


@pytest.mark.parametrize("parts", [("",), ("a-b",), ("a", "blend0"), ("a", "", "c"), ("a", "train", "c")])
def test_parts_that_could_not_be_read_back_are_refused(parts):
    with pytest.raises(ValueError, match="parts are not empty, hold no '-' and no variant is named 'train'"):
        RowKey(*parts)


@pytest.mark.parametrize("text", ["a-blend0", "a-b-c-d", "a-b-train"])
def test_other_text_is_refused(text):
    with pytest.raises(ValueError, match="is no row key; one looks like"):
        RowKey.parse(text)
