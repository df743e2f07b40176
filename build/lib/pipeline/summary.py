"""What a run left: where prediction and report are, and the main figures."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.runtime.command import run
from pipeline.storage.files import read_json

PREDICTION = Path("prediction.txt")
REPORT = Path("reports/report.html")
EVALUATION = Path("reports/evaluation.json")


def _with_interval(figure: dict[str, Any] | None) -> str:
    if not figure or figure["value"] is None:
        return "-"
    if figure["low"] is None:
        return f"{figure['value']:.3f}"
    return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"


def main_figures(metrics: dict[str, Any]) -> str:
    """A few lines: AUC, TPR@FPR=1e-2 and ECE on val with 95 % intervals, overall and by source.

    metrics : reports/evaluation.json as stage evaluate wrote it.
    """
    parts = {"overall": metrics["val"]["overall"]}
    if len(metrics["val"]["by_source"]) > 1:
        parts |= metrics["val"]["by_source"]
    width = max(len(name) for name in parts)
    lines = [f"{'val':<{width}}  {'images':>7}  {'AUC':<21}  {'TPR@FPR=1e-2':<21}  ECE"]
    for name, part in parts.items():
        line = f"{name:<{width}}  {part['n']:>7,}  "
        if part["reason"] is not None:
            lines.append(line + part["reason"])
            continue
        auc, tpr, ece = (_with_interval(part[key]) for key in ("auc", "tpr_at_fpr_1e-2", "ece"))
        lines.append(f"{line}{auc:<21}  {tpr:<21}  {ece}")
    audit = metrics["audit"]
    lines.append(f"audit: {audit.get('verdict', 'not run')}")
    return "\n".join([*lines, *(f"  red: {text}" for text in audit.get("red", []))])


def main(arguments: Sequence[str] | None = None) -> int:
    """Print it; 2 when the run has not finished."""
    argparse.ArgumentParser(prog="python -m pipeline.summary", description=__doc__).parse_args(arguments)
    absent = [str(path) for path in (PREDICTION, REPORT, EVALUATION) if not path.is_file()]
    if absent:
        print(
            f"{', '.join(absent)} not found in {Path.cwd()}; run `make repro` first",
            file=sys.stderr,
        )
        return 2
    print(main_figures(read_json(EVALUATION)))
    print(f"prediction: {PREDICTION.resolve()}\nreport:     {REPORT.resolve()}")
    return 0


if __name__ == "__main__":
    run("summary")
