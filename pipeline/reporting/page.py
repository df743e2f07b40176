"""The report as one page: what stands on it, in order."""

from __future__ import annotations

from typing import Any

from pipeline.reporting import (
    data_sections,
    decision_sections,
    importance_sections,
    model_sections,
    refit_sections,
    result_sections,
)
from pipeline.reporting.data import ReportData
from pipeline.reporting.elements import Level, Notice, NoticeLine, Page

TITLE = "Deepfake face detector: report"
VERDICTS: dict[Level, str] = {
    "ok": "Audit: nothing but the faces was found to tell the classes apart.",
    "amber": "Audit: read the warnings below before the figures.",
    "red": "Audit: the labels can be told without the faces, or images repeat: the figures below are not to be trusted.",
}
NO_AUDIT = "The audit has not run, so a leak of the labels is not ruled out."


def compose(data: ReportData) -> Page:
    """Set up the page: findings and warnings first, then figures, reasons, data and model.

    Parameters
    ----------
    data : ReportData
        What the stages before have measured.

    Returns
    -------
    Page
        The same for the same data.
    """
    level: Level | None = data.audit.get("verdict")
    red = [NoticeLine("Finding", text) for text in _findings(data.audit, "red")]
    amber = [NoticeLine("Warning", text) for text in _findings(data.audit, "amber")]
    amber += [NoticeLine("About the data", text) for text in data.manifest.get("warnings", [])]
    amber += [NoticeLine("About the model", text) for text in data.info.warnings]
    return Page(
        title=TITLE,
        verdict=NO_AUDIT if level is None else VERDICTS[level],
        level="red" if level is None else level,
        notices=[notice for notice in (Notice("red", red), Notice("amber", amber)) if notice.lines],
        sections=[
            result_sections.main_figures(data),
            result_sections.curves(data),
            decision_sections.calibration(data),
            decision_sections.answers(data),
            importance_sections.importance(data),
            model_sections.spectrum(data),
            refit_sections.ablation(data),
            refit_sections.learning_curve(data),
            refit_sections.sources_left_out(data),
            result_sections.novelty(data),
            result_sections.worst_errors(data),
            data_sections.dataset(data),
            data_sections.audit(data),
            model_sections.model(data),
            model_sections.repeat(data),
        ],
    )


def _findings(audit: dict[str, Any], level: Level) -> list[str]:
    return [finding["text"] for finding in audit.get("findings", []) if finding["level"] == level]
