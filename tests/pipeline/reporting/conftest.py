"""Pages without their pictures, for tests that read words and tables."""

from __future__ import annotations

import pytest

from pipeline.reporting import figures, importance_figures
from pipeline.reporting.elements import Chart


@pytest.fixture
def undrawn(monkeypatch):
    """Pictures are set up but not written as SVG, which is nearly all of the time that a page takes.

    How they are written is for test_drawing, test_figures, test_importance_figures, test_page and test_report.
    """
    for module in (figures, importance_figures):
        monkeypatch.setattr(module, "draw", lambda figure, alt, words=(): Chart("<svg></svg>", alt, 40))
