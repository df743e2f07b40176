"""Plain data of a page."""

from __future__ import annotations

import pytest

from pipeline.reporting.elements import Column, Table


def test_a_table_must_be_rectangular():
    columns = [Column("a"), Column("b")]
    assert Table(columns, [["1", "2"]]).caption == ""
    with pytest.raises(ValueError, match=r"row 1 has 3 cells, the table 2 columns \(a, b\)"):
        Table(columns, [["1", "2"], ["1", "2", "3"]])
