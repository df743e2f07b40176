"""Every number of every block on two 64 px faces, as committed in tests/features/golden/BLOCK.json.

After a new block or a wanted change, write that block's file, read the difference, and commit it:

    python -m pytest tests/features/test_golden.py --write-golden BLOCK

Other files stay as they are.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from features.spectral import blocks, compute

FOLDER = Path(__file__).with_name("golden")
NAMES = list(blocks())
HOW = "python -m pytest tests/features/test_golden.py --write-golden"


def path_of(name: str) -> Path:
    return FOLDER / f"{name}.json"


@pytest.fixture(name="measured", scope="module")
def measured_fixture(golden_faces):
    """Block -> column -> its value on each picture, 6 digits."""
    tables = [compute(face, NAMES) for face in golden_faces]
    return {
        name: {
            column: [float(f"{table[name][i]:.6g}") for table in tables]
            for i, column in enumerate(blocks()[name].columns)
        }
        for name in NAMES
    }


@pytest.fixture(name="golden", scope="module")
def golden_fixture(measured, pytestconfig):
    """Block -> column -> committed values, after writing those that --write-golden names."""
    for name in pytestconfig.getoption("write_golden"):
        assert name in measured, f"--write-golden {name}: no such block; blocks are {', '.join(NAMES)}"
        lines = [f"  {json.dumps(column)}: {json.dumps(values)}" for column, values in measured[name].items()]
        path_of(name).write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}


def test_blocks_and_golden_files_are_the_same_set(golden):
    lacking, left = sorted(set(NAMES) - set(golden)), sorted(set(golden) - set(NAMES))
    assert not lacking, f"blocks without golden values: {lacking}; write them with `{HOW} {lacking[0]}`"
    assert not left, f"tests/features/golden/ has files of no block: {left}; delete them"


@pytest.mark.parametrize("name", NAMES)
def test_columns_and_values_are_the_golden_ones(name, golden, measured):
    if name not in golden:
        pytest.skip("test_blocks_and_golden_files_are_the_same_set fails and says what to do")
    assert list(blocks()[name].columns) == list(golden[name]), (
        f"columns of {name} are not those of {path_of(name).name}; if that is wanted: `{HOW} {name}`"
    )
    changed = {
        column: {"now": values, "golden": golden[name][column]}
        for column, values in measured[name].items()
        if not np.allclose(values, golden[name][column], rtol=1e-4, atol=2e-4, equal_nan=True)
    }
    assert not changed, (
        f"{len(changed)} values of {name} changed: {changed}; if that is wanted: `{HOW} {name}`"
    )
