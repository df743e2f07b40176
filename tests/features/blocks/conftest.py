"""A block's numbers by column, for tests of single blocks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from features.signals import Signals
from features.spectral import get
from tests.features.pictures import U8, as_views


@pytest.fixture
def measure() -> Callable[..., dict[str, float]]:
    """(block, pixels, margin) -> column without the block's name -> value."""

    def of_picture(name: str, pixels: U8, margin: int = 0) -> dict[str, float]:
        block = get(name)
        values = block.compute(Signals(as_views(pixels, margin=margin)))
        short = (column.removeprefix(f"{name}.") for column in block.columns)
        return dict(zip(short, values.tolist(), strict=True))

    return of_picture
