"""The command line of the speed benchmark says what is unknown and what lacks."""

from pathlib import Path

import pytest

from benchmarks.speed.__main__ import main, parts_of
from benchmarks.speed.parts import PARTS


def test_blocks_are_timed_when_there_is_a_bundle():
    assert parts_of(None, bundle=None) == list(PARTS)
    assert parts_of(None, bundle=Path("cache/model")) == [*PARTS, "blocks"]
    assert parts_of("blocks", bundle=Path("cache/model")) == ["blocks"]


@pytest.mark.parametrize(
    ("parts", "message"), [("decode,nothing", "nothing is unknown; known are"), ("blocks", "with --bundle")]
)
def test_parts_that_cannot_be_timed_are_refused(parts, message, capsys):
    with pytest.raises(ValueError, match=message):
        parts_of(parts, bundle=None)
    with pytest.raises(SystemExit, match="2"):
        main(["--images", ".", "--parts", parts])
    assert message in capsys.readouterr().err
