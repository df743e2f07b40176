"""The whole report as one HTML page."""

from __future__ import annotations

from typing import Any

from pipeline import page, report_model, report_results
from pipeline.report_facts import Facts

TITLE = "Deepfake face detector: report"


VERDICTS = {
    "ok": "Audit: nothing but the faces was found to tell the classes apart.",
    "amber": "Audit: read the warnings below before the figures.",
    "red": "Audit: the labels can be told without the faces, or images repeat: the figures below are not to be trusted.",
    None: "The audit has not run, so a leak of the labels is not ruled out.",
}


def findings(audit: dict[str, Any], level: str) -> list[str]:
    """The audit's findings of one level, in its own words."""
    return [finding["text"] for finding in audit.get("findings", []) if finding["level"] == level]


def render(facts: Facts) -> str:
    """HTML of the report: findings and warnings first, then figures, reasons, data and model."""
    parts = [
        ("figures", "Main figures", report_results.figures_part(facts)),
        ("curves", "Curves", report_results.curves_part(facts)),
        ("importance", "What the model looks at", report_model.importance_part(facts)),
        ("spectrum", "Mean radial spectrum", report_model.spectrum_part(facts)),
        ("ablation", "What each block adds", report_results.ablation_part(facts)),
        ("sources", "Sources it has not seen", report_results.held_out_part(facts)),
        ("novelty", "Out of its depth", report_results.novelty_part(facts)),
        ("errors", "Worst errors", report_results.errors_part(facts)),
        ("data", "Data", report_model.data_part(facts)),
        ("audit", "Audit", report_model.audit_part(facts)),
        ("model", "Model", report_model.members_part(facts)),
        ("repeat", "How to repeat", report_model.repeat_part(facts)),
    ]
    return page.document(TITLE, _verdict(facts), parts)


def _verdict(facts: Facts) -> str:
    """The line under the title, then what a reader has to know before any figure."""
    level = facts.audit.get("verdict")
    bad = "" if level == "ok" else " bad" if level in ("red", None) else " odd"
    line = f'<p class="verdict{bad}">{page.esc(VERDICTS[level])}</p>\n'
    red = [_marked("Finding", text) for text in findings(facts.audit, "red")]
    amber = [_marked("Warning", text) for text in findings(facts.audit, "amber")]
    amber += [_marked("About the model", text) for text in facts.info["warnings"]]
    return line + page.notice("red", red) + page.notice("amber", amber)


def _marked(word: str, text: str) -> page.Html:
    return page.Html(f"<b>{word}:</b> {page.esc(text)}")
