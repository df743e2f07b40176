"""What the tests of features/ share: pictures in turn, and the option that writes golden values."""

from __future__ import annotations

import pytest

from features.views import FaceViews
from tests.features.pictures import PICTURES, U8, as_views, enlarged, textured


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-golden",
        action="append",
        default=[],
        metavar="BLOCK",
        help="write tests/features/golden/BLOCK.json from the code; may be repeated",
    )


@pytest.fixture(name="any_picture", params=sorted(PICTURES))
def any_picture_fixture(request: pytest.FixtureRequest) -> U8:
    """Each picture of PICTURES in turn."""
    return PICTURES[request.param]()


@pytest.fixture(scope="session")
def golden_faces() -> list[FaceViews]:
    """Two faces of 64×64 px with 16 px of surroundings."""
    return [as_views(draw(96, 96, seed=7), margin=16) for draw in (textured, enlarged)]
