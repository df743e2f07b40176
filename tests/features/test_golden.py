"""Every number of every block on two 64 px faces, as it was when its version was last raised.

After a wanted change raise the block's `version`, then write the table again with

    WRITE_GOLDEN=1 python -m pytest tests/features/test_golden.py

and read the difference before committing it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from features.spectral import blocks, compute

GOLDEN = Path(__file__).with_name("golden.json")
NAMES = sorted(blocks())


@pytest.fixture(name="measured", scope="module")
def measured_fixture(golden_faces):
    """Block name -> column -> values on each picture."""
    assert all(face.native.shape == (64, 64, 3) for face in golden_faces)
    tables = [compute(face, NAMES) for face in golden_faces]
    return {
        name: {
            column: [float(f"{table[name][i]:.6g}") for table in tables]
            for i, column in enumerate(blocks()[name].columns)
        }
        for name in NAMES
    }


@pytest.fixture(name="golden", scope="module")
def golden_fixture(measured):
    if os.environ.get("WRITE_GOLDEN"):
        table = {f"{name}@{blocks()[name].version}": measured[name] for name in NAMES}
        lines = [f"  {json.dumps(key)}: {json.dumps(table[key])}" for key in table]
        GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    return json.loads(GOLDEN.read_text(encoding="utf-8"))


def test_blocks_and_golden_are_the_same_set(golden):
    assert {f"{name}@{block.version}" for name, block in blocks().items()} == set(golden)


@pytest.mark.parametrize("name", NAMES)
def test_columns_and_golden_are_the_same_list(name, golden):
    assert list(blocks()[name].columns) == list(golden[f"{name}@{blocks()[name].version}"])


@pytest.mark.parametrize("name", NAMES)
def test_values_are_those_of_the_golden(name, golden, measured):
    expected = golden[f"{name}@{blocks()[name].version}"]
    wrong = {
        column: (values, expected[column])
        for column, values in measured[name].items()
        if not np.allclose(values, expected[column], rtol=1e-4, atol=2e-4, equal_nan=True)
    }
    assert wrong == {}
