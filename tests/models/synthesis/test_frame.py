"""The frame of a face: on its landmarks, or without them in the image's centred square."""

import numpy as np
import pytest

from features.views import TEMPLATE, Face
from models.synthesis.frame import Frame
from tests.models.synthesis.drawn_pictures import SIDE, face


def test_the_frame_maps_the_template_onto_the_landmarks():
    frame = Frame.of(face(), height=SIDE, width=SIDE)
    np.testing.assert_allclose(frame.to_pixels(TEMPLATE), face().landmarks, atol=1e-3)
    assert frame.size == pytest.approx(0.6 * SIDE, rel=1e-4)


NOT_FOUND = Face(False, 0, float("nan"), np.full(4, np.nan, np.float32), np.full((5, 2), np.nan, np.float32))


@pytest.mark.parametrize(("height", "width"), [(100, 60), (60, 100), (80, 80)])
def test_without_landmarks_the_frame_is_the_centred_square(height, width):
    frame = Frame.of(NOT_FOUND, height=height, width=width)
    side = min(height, width)
    assert frame.size == pytest.approx(side)
    corners = frame.to_pixels(np.array([[0.0, 0.0], [1.0, 1.0]]))
    left, top = (width - side) / 2, (height - side) / 2
    np.testing.assert_allclose(corners, [[left, top], [left + side, top + side]], atol=1e-6)
