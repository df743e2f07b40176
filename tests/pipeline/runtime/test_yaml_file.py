"""Settings in files: what is written is what is read, by us and by DVC; what is no YAML is said in a few words."""

import math

import pytest
from dvc.utils.serialize import loads_yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.runtime import yaml_file
from pipeline.runtime.yaml_file import NotYamlError

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**31), 2**31)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
contents = st.dictionaries(
    st.text(),
    st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    min_size=1,
    max_size=4,
)


def same(one, other):
    """Equal, and of the same types: 1, 1.0 and True are three things."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return math.isclose(one, other, rel_tol=0, abs_tol=0) if isinstance(one, float) else one == other


@settings(deadline=None, max_examples=50)
@given(contents)
@example(
    {
        "a": [
            "010",
            "0o17",
            "0x1f",
            "1e3",
            "1_000",
            "yes",
            "No",
            "on",
            "~",
            "null",
            "1:30",
            "2024-01-01",
            ".inf",
            "=",
        ]
    }
)
@example({"010": 1, "yes": 2, "": 3, "a: b": 4, "#": 5, "- x": "- y"})
@example({"a": "\x85\u2028\ufeff\U0010dcb0 人\n\n  x \n", "b": 1e-05, "c": 1e22, "d": -0.0})
def test_what_is_written_is_what_is_read(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "settings.yaml"
    text = yaml_file.dump(content)
    path.write_bytes(text.encode())
    assert same(yaml_file.load(path), content)
    assert same(loads_yaml(path.read_bytes().decode(), typ="safe"), content)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"a: \xe9", "byte 4 is not UTF-8; save the file as UTF-8"),
        (b"\xff\xfea\x00", "byte 1 is not UTF-8"),
        (b"a: 1\nb: !!python/object:os.system x", "line 2: could not determine a constructor for the tag"),
        (b"a: !mine 3", "line 1: could not determine a constructor"),
        (b"a: 2024-13-45", "month must be in 1..12"),
        (b"a: " + b"9" * 5000, "Exceeds the limit .* for integer string conversion"),
        (b"a: 0x_", "invalid literal for int"),
        (b"a: [", "line 1: "),
        (b"a: 1\nb: 2\na: 3", "line 3: found duplicate key"),
        (b"a: " + b"[" * 5000, "line 1: it is nested more than 20 deep"),
        (b"a: *b", "line 1: found undefined alias"),
        (b"a: \x07", "special characters are not allowed"),
        (b"#" * 2_000_000, "it has 2,000,000 bytes, settings have at most 1,000,000"),
    ],
    ids=range(13),
)
def test_what_is_no_yaml_is_said_in_a_few_words(tmp_path, text, message):
    (tmp_path / "a.yaml").write_bytes(text)
    with pytest.raises(NotYamlError, match=message) as error:
        yaml_file.load(tmp_path / "a.yaml")
    assert len(str(error.value)) < 200
    assert "\n" not in str(error.value)


def test_a_leading_zero_means_what_dvc_takes_it_for(tmp_path):
    (tmp_path / "a.yaml").write_text("a: 010\nb: 0o10\nc: yes\nd: 1e-3\n")
    assert yaml_file.load(tmp_path / "a.yaml") == {"a": 10, "b": 8, "c": "yes", "d": 0.001}
