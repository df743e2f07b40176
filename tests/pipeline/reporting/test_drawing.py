"""How a picture becomes part of a page."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib

from pipeline.reporting import drawing, svg


def line():
    with drawing.style():
        figure, (axes,) = drawing.new_axes(4.5, 3.0)
        axes.plot([0, 1], [0, 1], label="price in $x$")
        axes.legend()
        return drawing.draw(figure, "a line")


def test_a_chart_is_an_svg_element_of_its_width_with_words_that_are_words():
    chart = line()
    assert chart.svg.startswith("<svg ")
    assert chart.svg.endswith("</svg>")
    assert "price in $x$</text>" in chart.svg
    assert "<metadata" not in chart.svg and "<style" not in chart.svg
    assert (chart.alt, chart.width) == ("a line", 432)


def test_colours_are_those_of_the_page():
    text = line().svg
    assert "var(--ink)" in text and "var(--grid)" in text
    assert not any(colour.lower() in text for colour in svg.VARIABLES)


def test_ids_of_two_pictures_differ():
    def ids(label):
        with drawing.style():
            figure, (axes,) = drawing.new_axes(4.5, 3.0)
            axes.plot([0, 1], [0, 1])
            axes.set_xlabel(label)
            return set(re.findall(r'\bid="([^"]+)"', drawing.draw(figure, label).svg))

    assert ids("a")
    assert not ids("a") & ids("b")


def test_every_colour_of_a_chart_is_in_the_style_sheet_for_light_and_dark():
    sheet = (Path(drawing.__file__).parent / "templates/style.css").read_text(encoding="utf-8")
    for variable in svg.VARIABLES.values():
        assert len(re.findall(rf"{variable}:#", sheet)) == 2, variable


def test_the_same_picture_is_the_same_bytes():
    assert line() == line()


def test_settings_end_with_the_picture():
    before = matplotlib.rcParams["axes.grid"], matplotlib.rcParams["text.parse_math"]
    with drawing.style():
        assert matplotlib.rcParams["axes.grid"] is True
        assert matplotlib.rcParams["text.parse_math"] is False
    assert (matplotlib.rcParams["axes.grid"], matplotlib.rcParams["text.parse_math"]) == before


def test_axes_stand_side_by_side():
    _, axes = drawing.new_axes(9, 3, 2)
    assert [ax.get_subplotspec().colspan.start for ax in axes] == [0, 1]


def test_the_first_lines_differ_in_colour_and_in_dashes():
    styles = [drawing.series_style(number) for number in range(len(svg.SERIES))]
    assert len({style["color"] for style in styles}) == len({str(style["ls"]) for style in styles}) == 7
    assert styles[0]["lw"] > styles[1]["lw"]
    assert drawing.series_style(8) == styles[1]
