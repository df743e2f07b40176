"""How a picture becomes part of a page."""

from __future__ import annotations

import base64

import matplotlib

from pipeline.reporting import drawing


def line():
    with drawing.style():
        figure, (axes,) = drawing.new_axes(4.5, 3.0)
        axes.plot([0, 1], [0, 1], label="price in $x$")
        axes.legend()
        return drawing.draw(figure, "a line")


def test_a_drawing_is_an_svg_data_uri_of_its_width():
    picture = line()
    head, data = picture.uri.split(",")
    assert head == "data:image/svg+xml;base64"
    assert b"<svg" in base64.b64decode(data)
    assert (picture.alt, picture.width) == ("a line", 432)


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
    styles = [drawing.series_style(number) for number in range(len(drawing.SERIES))]
    assert len({style["color"] for style in styles}) == len({str(style["ls"]) for style in styles}) == 7
    assert styles[0]["lw"] > styles[1]["lw"]
    assert drawing.series_style(8) == styles[1]
