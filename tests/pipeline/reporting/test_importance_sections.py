"""The section on what the model looks at."""

from __future__ import annotations

import pandas as pd
import pytest

from pipeline.reporting import importance_sections
from pipeline.reporting.data import MAX_SOURCES
from pipeline.reporting.elements import Cell, Figure
from pipeline.reporting.number_format import ABSENT
from tests.pipeline.reporting.example import BLOCKS, ODD_BLOCK, ODD_SOURCE, report_data, tables, texts

pytestmark = pytest.mark.usefixtures("undrawn")


def section(**changes):
    return importance_sections.importance(report_data(**changes))


def test_it_leads_with_the_strongest_block():
    whole = section()
    text, _, by_cluster, by_frequency, on_grid, left_out, stable, files = texts(whole)
    assert text == (
        "Worked out on 80 val images. net_rgb moves the score most: 1.000 log-odds on average. "
        "Shuffled, val AUC falls by 0.100. Never used: face."
    )
    assert by_cluster == "By cluster of features: the first 5 of 14"
    assert (by_frequency, on_grid) == ("By frequency, cycles per pixel", "On the 8×8 DCT grid")
    assert (left_out, stable) == ("On sources left out", "How stable it is")
    assert files == "All of it: reports/importance_*.csv."
    blocks, clusters, bands, grid = (e.drawing.alt for e in whole.elements if isinstance(e, Figure))
    assert f"First by SHAP: net_rgb, {ODD_BLOCK}, radial." in blocks
    assert "First by SHAP: net_rgb.labelled" in clusters
    assert "the largest is 0.25–0.75" in bands
    assert "the largest is (0, 0) with 12.5" in grid


def test_gain_is_shown_by_expert_with_its_weight():
    table = tables(section())[0]
    assert [column.title for column in table.columns] == [
        "block",
        "labelled (share 75\u00a0%)",
        "blend (share 25\u00a0%)",
    ]
    assert table.rows[0] == ["net_rgb", "100.0\u00a0%", "0.0\u00a0%"]
    assert [row[0] for row in table.rows] == list(BLOCKS)[::-1]


def test_a_cluster_says_how_many_others_it_holds(monkeypatch):
    drawn = {}
    monkeypatch.setattr(
        importance_sections.figures, "bars", lambda names, *_: drawn.setdefault("names", []).append(names)
    )
    clusters = report_data().clusters
    clusters.loc[0, "columns"] = 3
    section(clusters=clusters)
    assert drawn["names"][1][:2] == ["net_rgb.labelled +2", f"{ODD_BLOCK}.001"]


def test_sources_left_out_have_a_column_each():
    table = tables(section())[1]
    assert [column.title for column in table.columns] == [
        "block",
        "alpha left out",
        f"{ODD_SOURCE} left out",
    ]
    assert table.rows[0][1] == Cell("+0.062", "\u22120.031 … +0.156")
    assert table.rows[-1][1] == Cell("+0.062")


def test_sources_that_cannot_be_left_out_and_too_many_have_none():
    data = report_data()
    data.evaluation["leave_one_source_out"]["alpha"]["label_free"] = {"reason": "too few groups"}
    assert len(tables(importance_sections.importance(data))[1].columns) == 2
    result = data.evaluation["leave_one_source_out"][ODD_SOURCE]
    for some in ({}, {f"s{i}": result for i in range(MAX_SOURCES + 1)}):
        data.evaluation["leave_one_source_out"] = some
        assert "On sources left out" not in texts(importance_sections.importance(data))


def test_stability_names_what_was_compared():
    folds, seeds = tables(section())[2].rows
    assert folds == ["folds, features", "3", Cell("0.75", "lowest 0.62"), "20", Cell("0.50", "lowest 0.25")]
    assert seeds == ["seeds, blocks", "1", Cell(ABSENT), "3", Cell(ABSENT)]
    assert "How stable it is" not in texts(section(stability=pd.DataFrame()))


def test_without_val_images_it_says_what_is_known():
    whole = texts(section(explained=0, dct_grid=None))
    assert whole[0] == "No val image, so only gain is known."
    assert "By frequency, cycles per pixel" not in whole
    assert "On the 8×8 DCT grid" not in whole


def test_without_both_classes_it_has_no_drop():
    blocks = report_data().blocks.assign(auc_drop=float("nan"))
    assert "Shuffled" not in texts(section(blocks=blocks))[0]
