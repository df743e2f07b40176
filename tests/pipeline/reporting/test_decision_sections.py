"""Sections on scores as probabilities and as answers."""

from __future__ import annotations

from pipeline.reporting import decision_sections
from pipeline.reporting.number_format import ABSENT
from tests.pipeline.reporting.example import ODD_SOURCE, report_data, tables, texts, threshold


def test_calibration_shows_paired_differences_and_the_floor():
    data = report_data()
    section = decision_sections.calibration(data)
    assert "for the mix of classes in training, 50.0\u00a0% fakes" in texts(section)[0]
    (table,) = tables(section)
    assert [row[0] for row in table.rows] == ["overall", "alpha", ODD_SOURCE]
    found = data.evaluation["calibration"]["overall"]
    gap = found["base_rate"]["difference"]["value"]
    assert table.rows[0][2].text == f"{gap:+.3f}".replace("-", "\u2212")
    ece = data.evaluation["val"]["overall"]["ece"]
    assert table.rows[0][4:][0] == f"{ece['value']:.3f}"
    assert table.rows[0][5].text == f"{ece['floor']:.3f}"


def test_calibration_without_labels_says_so():
    data = report_data()
    data.evaluation["calibration"] = {}
    assert texts(decision_sections.calibration(data)) == [
        "No labelled val image, so nothing can be compared."
    ]


def test_limits_stand_beside_what_they_do_on_val():
    table = tables(decision_sections.answers(report_data()))[0]
    overall, source = table.rows
    assert overall[:4] == ["overall", "5.0\u00a0%", "0.7500", "0.2500"]
    assert (overall[4].text, overall[4].detail) == ("50.0\u00a0%", "error 6.2\u00a0%")
    assert overall[6] == "37.5\u00a0%"
    assert source[2] == ABSENT


def test_too_few_images_are_said_with_how_many_it_takes():
    text = texts(decision_sections.answers(report_data()))[1]
    assert f"{ODD_SOURCE}: 7 groups with a real face and 90 with a fake" in text
    assert "of each it takes 59 for 5.0\u00a0%" in text


def test_no_limit_at_all_leaves_no_table():
    data = report_data()
    data.evaluation["thresholds"] = [
        threshold("(overall)", fake_above=None, real_below=None, reals=0, fakes=0)
    ]
    section = decision_sections.answers(data)
    assert not tables(section)
    assert "0 groups with a real face and 0 with a fake" in texts(section)[1]


def test_one_answer_of_two_is_said():
    data = report_data()
    data.evaluation["thresholds"] = [threshold("(overall)", fake_above=None)]
    assert "one answer of the two is always missing" in texts(decision_sections.answers(data))[-1]
