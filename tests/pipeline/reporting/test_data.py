"""What the report is made of."""

from __future__ import annotations

import pytest

from pipeline.reporting.data import MAX_SOURCES
from tests.pipeline.reporting.example import ODD_SOURCE, images, report_data, scores


def test_val_is_labelled_and_scored():
    table = scores(images("val", 40), images("train", 20))
    table.loc[0, "target"] = None
    table.loc[1, "score"] = float("nan")
    val = report_data(scores=table).val
    assert val.index.tolist() == list(range(2, 40))


@pytest.mark.parametrize(
    ("sources", "groups"),
    [
        (("alpha",), ["overall"]),
        (("alpha", ODD_SOURCE), ["overall", "alpha", ODD_SOURCE]),
        ([f"s{i}" for i in range(MAX_SOURCES + 1)], ["overall"]),
    ],
)
def test_sources_are_groups_where_there_are_several_but_not_many(sources, groups):
    table = scores(images("val", 40, sources=sources), images("train", 20))
    by_source = report_data(scores=table).val_by_source()
    assert list(by_source) == groups
    assert len(by_source["overall"]) == 40
    assert sum(map(len, by_source.values())) == 40 * min(len(groups), 2)
