"""Sections on refits without a block or a source."""

from __future__ import annotations

import pytest

from pipeline.reporting import refit_sections
from pipeline.reporting.data import MAX_SOURCES
from pipeline.reporting.elements import Cell
from pipeline.reporting.number_format import ABSENT
from tests.pipeline.reporting.example import (
    BLOCKS,
    ODD_BLOCK,
    ODD_SOURCE,
    bundle_info,
    effects,
    report_data,
    tables,
    texts,
)


def test_ablation_has_a_row_for_each_block_and_two_columns_for_each_source():
    (table,) = tables(refit_sections.ablation(report_data()))
    groups = ("overall", "alpha", ODD_SOURCE)
    assert [column.title for column in table.columns] == [
        "block",
        "columns",
        *(f"without: {group}" for group in groups),
        *(f"alone: {group}" for group in groups),
    ]
    assert [row[0] for row in table.rows] == list(BLOCKS)
    assert table.rows[-1][1:3] == ["1", Cell("\u22120.2000", "\u22120.3000 … \u22120.1000")]
    assert table.rows[-1][5:] == ["0.750"] * 3
    assert f"overall 0.900, alpha 0.900, {ODD_SOURCE} 0.900." in table.caption


def test_no_column_speaks_of_time():
    (table,) = tables(refit_sections.ablation(report_data()))
    assert not any("ms" in column.title.split() for column in table.columns)


def test_many_sources_leave_the_overall_columns():
    data = report_data(effects=effects([f"s{i}" for i in range(MAX_SOURCES + 1)]))
    (table,) = tables(refit_sections.ablation(data))
    assert [column.title for column in table.columns[2:]] == ["without: overall", "alone: overall"]


def test_the_text_names_blocks_whose_interval_excludes_zero():
    (text,) = texts(refit_sections.ablation(report_data()))
    assert text == (
        "Left out, these blocks are missed beyond chance: net_rgb. AUC rises without face. "
        "Beyond chance: after Holm's correction for 4 blocks, on all val images."
    )
    table = effects()
    within = table[table["block"].isin(["radial", ODD_BLOCK])]
    (text,) = texts(refit_sections.ablation(report_data(effects=within)))
    assert text.startswith(
        "No single block is missed beyond chance: the others know what it knows. Beyond chance:"
    )


def test_an_interval_that_excludes_zero_alone_is_not_beyond_chance():
    table = effects().assign(drop_p_holm=0.06)
    (text,) = texts(refit_sections.ablation(report_data(effects=table)))
    assert text.startswith("No single block is missed beyond chance")


def test_no_refit_is_explained():
    assert texts(refit_sections.ablation(report_data(effects=effects().head(0)))) == [
        "Not worked out: too few labelled images for a refit."
    ]


def test_the_learning_curve_says_the_means():
    text, figure = refit_sections.learning_curve(report_data()).elements
    assert text.text.endswith(
        "25\u00a0% of the groups: 0.650, 50\u00a0% of the groups: 0.750, 100\u00a0% of the groups: 0.800."
    )
    assert figure.drawing.alt.startswith("AUC by number of training images")
    nothing = report_data(learning=report_data().learning.head(0))
    assert texts(refit_sections.learning_curve(nothing)) == [
        "Not worked out: too few labelled images for a refit."
    ]


def test_sources_left_out_have_both_sets_of_blocks():
    data = report_data()
    (table,) = tables(refit_sections.sources_left_out(data))
    assert [row[0] for row in table.rows] == ["alpha", "alpha", ODD_SOURCE, ODD_SOURCE]
    assert [row[2] for row in table.rows] == ["0.625", "0.875"] * 2
    auc = data.evaluation["leave_one_source_out"]["alpha"]["all_blocks"]["auc"]["value"]
    assert table.rows[1][3].text == f"{auc:.3f}"


@pytest.mark.parametrize(
    ("sort", "in_train", "optimistic"),
    [("net", True, True), ("net", False, False), ("embedding", True, False)],
)
def test_all_blocks_are_optimistic_where_a_tuned_net_saw_the_source(sort, in_train, optimistic):
    # What sort a block is must come from the record: `net_rgb` keeps its name here.
    info = bundle_info(blocks={"net_rgb": {"sort": sort, "columns": BLOCKS["net_rgb"]}})
    data = report_data(info=info)
    data.evaluation["leave_one_source_out"]["alpha"]["in_train"] = in_train
    section = refit_sections.sources_left_out(data)
    honest, everything = (row[1] for row in tables(section)[0].rows[:2])
    assert ("optimistic" in everything) == optimistic
    assert honest == "blocks that never saw a label (honest)"
    assert ("alpha has no training image" in " ".join(texts(section))) == (not in_train)


def test_a_net_of_another_name_is_found_by_its_sort():
    info = bundle_info(blocks={"other": {"sort": "net", "columns": ["other.x"]}})
    (table,) = tables(refit_sections.sources_left_out(report_data(info=info)))
    assert "optimistic" in table.rows[1][1]


def test_a_source_that_cannot_be_left_out_has_the_reason():
    data = report_data()
    data.evaluation["leave_one_source_out"]["alpha"]["label_free"] = {"reason": "too few groups"}
    (table,) = tables(refit_sections.sources_left_out(data))
    assert table.rows[0] == [
        "alpha",
        "blocks that never saw a label (honest): too few groups",
        *[ABSENT] * 6,
    ]


def test_one_source_cannot_be_left_out():
    data = report_data()
    data.evaluation["leave_one_source_out"] = {}
    assert "All images come from one source" in texts(refit_sections.sources_left_out(data))[0]
