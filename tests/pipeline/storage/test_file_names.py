"""Any name that a file system can give comes back byte for byte, and is valid Unicode in between."""

import os

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.storage.file_names import original, readable, storable

names = st.binary(min_size=1).map(os.fsdecode) | st.text(min_size=1).filter(str.isprintable)


@settings(deadline=None)
@given(names)
@example(os.fsdecode("照片".encode("gb18030")))
@example("\U0010dcb0.jpg")  # the character that stands for the byte 0xb0 in tables
@example(os.fsdecode("\U0010dcff".encode()[:2] + b".jpg"))
def test_every_name_comes_back_and_is_valid_in_between(name):
    stored = storable(name)
    stored.encode("utf-8")
    assert original(stored) == name
    assert readable(stored).encode("utf-8")


@settings(deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Co"])))
def test_a_name_in_utf_8_stays_as_it_is(name):
    assert storable(name) == original(name) == readable(name) == name


@pytest.mark.parametrize("form", [str, storable])
def test_a_byte_is_shown_by_its_number(form):
    assert readable(form(os.fsdecode(b"a\xd5\xd5 \xe4\xba\xba.jpg"))) == r"a\xd5\xd5 人.jpg"


def test_different_names_stay_different():
    given_names = ["\U0010dcb0", os.fsdecode(b"\xb0"), "\\xb0", os.fsdecode("\U0010dcb0".encode()[:3])]
    assert len({storable(name) for name in given_names}) == len(given_names)
