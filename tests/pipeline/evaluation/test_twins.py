"""Columns that say the same are one cluster, others are not."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.evaluation.twins import MAX_ROWS, clusters


def table(n=300):
    generator = np.random.default_rng(0)
    x, y, z = generator.normal(size=(3, n))
    return pd.DataFrame(
        {"a.x": x, "b.y": y, "a.same": np.exp(3 * x), "a.less": -x + 0.05 * z, "c.half": x + y, "c.flat": 1.0}
    )


def test_twins_of_any_rising_or_falling_form_share_a_cluster():
    assert clusters(table()) == [["a.x", "a.same", "a.less"], ["b.y"], ["c.half"], ["c.flat"]]


def test_any_two_of_a_cluster_are_alike():
    """A chain of columns, each like the next, is no cluster: complete linkage."""
    generator = np.random.default_rng(1)
    steps = np.cumsum(generator.normal(size=(400, 30)), axis=1) + 5 * generator.normal(size=(400, 1))
    columns = pd.DataFrame(steps, columns=[f"a.{i}" for i in range(30)])
    rho = columns.rank().corr().abs()
    found = clusters(columns)
    assert 1 < len(found) < 30
    for members in found:
        assert rho.loc[members, members].to_numpy().min() >= 0.9 - 1e-9


def test_missing_numbers_and_many_rows():
    columns = table(5 * MAX_ROWS)
    columns.loc[columns.index[::7], "b.y"] = np.nan
    assert ["a.x", "a.same", "a.less"] in clusters(columns)
    assert clusters(columns.head(2)) == [[column] for column in columns]
    assert clusters(columns[["a.x"]]) == [["a.x"]]
