"""Sections on how well the scores separate real from fake."""

from __future__ import annotations

import pandas as pd
import pytest

from pipeline.reporting import result_sections
from pipeline.reporting.data import METRIC_LABELS
from pipeline.reporting.elements import ContactSheet
from pipeline.reporting.number_format import ABSENT
from pipeline.reporting.worst_errors import WorstError
from pipeline.serving import prediction_rows
from tests.pipeline.reporting.example import (
    ODD_SOURCE,
    evaluation,
    images,
    report_data,
    scores,
    tables,
    texts,
)

pytestmark = pytest.mark.usefixtures("undrawn")


def data_of(n=40, *, strength=2.0, **changes):
    """A report on n val images from one source."""
    table = scores(
        images("val", n, sources=("alpha",), strength=strength, seed=1),
        images("train", 60, sources=("alpha",)),
    )
    for column, values in changes.items():
        table.loc[~table["fold_out"], column] = values
    return report_data(scores=table, evaluation=evaluation(table))


def test_main_figures_are_those_of_the_evaluation():
    data = report_data()
    (table,) = tables(result_sections.main_figures(data))
    assert [column.title for column in table.columns] == ["rows", "real", "fake", *METRIC_LABELS.values()]
    assert [row[0] for row in table.rows] == [
        "val, overall",
        "val, alpha",
        f"val, {ODD_SOURCE}",
        "train, out of fold",
    ]
    auc = data.evaluation["val"]["overall"]["auc"]
    assert table.rows[0][1:3] == ["40", "40"]
    assert table.rows[0][3].text == f"{auc['value']:.3f}"
    assert table.rows[0][3].detail == f"{auc['low']:.3f}–{auc['high']:.3f}"


def test_the_headline_names_the_hardest_source():
    data = report_data()
    data.evaluation["val"]["by_source"]["alpha"]["auc"]["value"] = 0.25
    data.evaluation["val"]["by_source"][ODD_SOURCE]["auc"]["value"] = 0.75
    headline = texts(result_sections.main_figures(data))[0]
    assert f"Hardest source: alpha (AUC 0.250); easiest: {ODD_SOURCE} (AUC 0.750); spread 0.500." in headline
    assert f"{100 * data.evaluation['val']['overall']['auc']['value']:.1f}\u00a0% of pairs" in headline


def test_one_source_is_not_repeated():
    section = result_sections.main_figures(data_of())
    assert [row[0] for row in tables(section)[0].rows] == ["val, overall", "train, out of fold"]
    assert "Hardest source" not in texts(section)[0]


def test_missing_figures_and_few_groups_are_said_in_words():
    last = texts(result_sections.main_figures(data_of()))[-1]
    assert last.startswith("overall. ")
    assert "TPR @ FPR 1e-2: no real face of 20 may be flagged; 100 are needed" in last
    assert "only 10 groups with a real face and 10 with a deepfake" in last


def test_nothing_is_said_where_nothing_is_missing():
    data = data_of()
    overall = data.evaluation["val"]["overall"]
    overall["warning"] = None
    for name in METRIC_LABELS:
        overall[name].pop("note", None)
    assert len(texts(result_sections.main_figures(data))) == 1


def test_ece_stands_beside_its_floor():
    data = data_of()
    ece = data.evaluation["val"]["overall"]["ece"]
    cell = tables(result_sections.main_figures(data))[0].rows[0][3 + list(METRIC_LABELS).index("ece")]
    assert (cell.text, cell.detail) == (f"{ece['value']:.3f}", f"floor {ece['floor']:.3f}")


def test_without_both_classes_the_reason_stands_instead_of_figures():
    section = result_sections.main_figures(data_of(target=0))
    assert texts(section)[0].startswith("overall: ")
    assert tables(section)[0].rows[0][3].text == ABSENT


def test_the_spread_of_the_tpr_is_said_where_every_source_has_one():
    data = report_data()
    for source, value in (("alpha", 0.25), (ODD_SOURCE, 0.5)):
        data.evaluation["val"]["by_source"][source]["tpr_at_fpr_1e-2"]["value"] = value
    headline = texts(result_sections.main_figures(data))[0]
    assert headline.endswith("TPR @ FPR 1e-2 by source: 25.0\u00a0% to 50.0\u00a0%.")


def test_curves_show_all_pictures():
    rows = result_sections.curves(report_data()).elements
    pictures = [figure for row in rows for figure in row.figures]
    assert [figure.drawing.alt.split()[0] for figure in pictures] == [
        *("ROC", "ROC", "DET", "Precision-recall", "Calibration", "Histogram")
    ]
    assert f"{ODD_SOURCE} 0." in pictures[0].drawing.alt
    assert "the share of deepfakes in val, 50.0\u00a0%" in pictures[3].caption


def test_curves_of_one_class_are_calibration_and_histogram():
    (row,) = result_sections.curves(data_of(target=0)).elements
    assert [figure.drawing.alt.split()[0] for figure in row.figures] == ["Calibration", "Histogram"]


def test_curves_of_no_labelled_image_say_so():
    assert texts(result_sections.curves(data_of(target=pd.NA))) == [
        "No labelled val image, so there is nothing to draw."
    ]


@pytest.mark.parametrize(("score", "side"), [(0.9, "0.400 too high"), (0.1, "0.400 too low")])
def test_the_calibration_caption_names_the_side(score, side):
    pair = result_sections.curves(data_of(score=score)).elements[-1]
    assert f"On average the scores are {side}." in pair.figures[0].caption


def test_novelty_shows_sources_where_there_are_several():
    data = report_data()
    section = result_sections.novelty(data)
    assert tables(section)[0].rows[0] == ["overall", "12", "3", "0.750"]
    assert len(tables(section)[0].rows) == 3
    data.evaluation["novelty"].pop(ODD_SOURCE)  # the one source is all there is
    assert len(tables(result_sections.novelty(data))[0].rows) == 1


def test_the_text_states_the_bound_of_the_marks():
    text = texts(result_sections.novelty(report_data()))[0]
    assert f"From {prediction_rows.OUT_OF_DISTRIBUTION_FROM} on" in text


def test_worst_errors_are_grouped_by_class():
    worst = [
        WorstError("real.png", "alpha", 0, 0.9, "data:image/jpeg;base64,AAAA"),
        WorstError("fake.png", ODD_SOURCE, 1, 0.1, None, "the file is gone"),
    ]
    section = result_sections.worst_errors(report_data(worst=worst))
    text, *titles = texts(section)
    wrong = int(((report_data().val["score"] >= 0.5) != (report_data().val["target"] == 1)).sum())
    assert wrong > 0
    assert f"{wrong} of 80 val images ({100 * wrong / 80:.1f}\u00a0%)" in text
    assert titles == ["Real faces with the highest scores", "Deepfakes with the lowest scores"]
    real, fake = (e.thumbnails[0] for e in section.elements if isinstance(e, ContactSheet))
    assert (real.alt, real.origin, real.value) == (
        "real image real.png, scored 0.900",
        "alpha, real",
        "0.900",
    )
    assert (fake.uri, fake.alt, fake.origin) == (None, "the file is gone", f"{ODD_SOURCE}, fake")


def test_one_class_of_errors_has_one_sheet_and_none_says_so():
    worst = [WorstError("real.png", "alpha", 0, 0.9, None, "gone")]
    assert len(texts(result_sections.worst_errors(report_data(worst=worst)))) == 2
    assert texts(result_sections.worst_errors(report_data())) == [
        "No val image to show is on the wrong side of 0.5."
    ]
