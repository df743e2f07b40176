"""The whole report as one HTML page."""

from __future__ import annotations

from typing import Any

from pipeline.reporting import html, model_sections, result_sections
from pipeline.reporting.data import Facts

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
        ("figures", "Main figures", result_sections.figures_part(facts)),
        ("curves", "Curves", result_sections.curves_part(facts)),
        ("importance", "What the model looks at", model_sections.importance_part(facts)),
        ("spectrum", "Mean radial spectrum", model_sections.spectrum_part(facts)),
        ("ablation", "What each block adds", result_sections.ablation_part(facts)),
        ("sources", "Sources it has not seen", result_sections.held_out_part(facts)),
        ("novelty", "Out of distribution", result_sections.novelty_part(facts)),
        ("errors", "Worst errors", result_sections.errors_part(facts)),
        ("data", "Data", model_sections.data_part(facts)),
        ("audit", "Audit", model_sections.audit_part(facts)),
        ("model", "Model", model_sections.members_part(facts)),
        ("repeat", "How to repeat", model_sections.repeat_part(facts)),
    ]
    return html.document(TITLE, _verdict(facts), parts)


def _verdict(facts: Facts) -> str:
    """The line under the title, then what a reader has to know before any figure."""
    level = facts.audit.get("verdict")
    bad = "" if level == "ok" else " bad" if level in ("red", None) else " odd"
    line = f'<p class="verdict{bad}">{html.esc(VERDICTS[level])}</p>\n'
    red = [_marked("Finding", text) for text in findings(facts.audit, "red")]
    amber = [_marked("Warning", text) for text in findings(facts.audit, "amber")]
    amber += [_marked("About the model", text) for text in facts.info["warnings"]]
    return line + html.notice("red", red) + html.notice("amber", amber)


def _marked(word: str, text: str) -> html.Html:
    return html.Html(f"<b>{word}:</b> {html.esc(text)}")
