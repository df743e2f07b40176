"""From the kept scores to Markdown tables and their numbers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.quality import forgery_tables
from benchmarks.quality.cells import Numbers, interval, plain, table
from benchmarks.quality.conditions import FORGED, GRID, OTHERS
from benchmarks.quality.families import of_kind
from benchmarks.quality.kinds import CONDITIONS as KIND_CONDITIONS
from benchmarks.quality.kinds import all_kinds, held_name
from benchmarks.quality.runs import NONE, Run
from pipeline.evaluation.intervals import summary
from pipeline.evaluation.metrics import auc

RESAMPLES = 500
ALL = "all"
FIGURES = {"auc": "AUC", "tpr_at_fpr_1e-2": "TPR at FPR 1e-2", "tpr_at_fpr_1e-3": "TPR at FPR 1e-3"}


def figures(scored: pd.DataFrame) -> Numbers:
    """AUC and TPRs with their 95 % intervals, resampled by group, overall and by source."""
    numbers: Numbers = {}
    for scope, rows in {ALL: scored, **dict(list(scored.groupby("source")))}.items():
        result = summary(rows["target"], rows["score"], rows["group"], resamples=RESAMPLES, seed=0)
        numbers[scope] = {
            "n": result["n"],
            "reals": result["negatives"],
            **{name: result[name] for name in FIGURES},
        }
    return numbers


def novelty(run: Run) -> Numbers:
    """How well novelty tells the images on the wrong side of 0.5: among those of the source that was left out,
    and among all; and how well it tells that source's images from the others'."""
    left, others = run.read("clean"), run.read(OTHERS)
    both = pd.concat([left, others])
    wrong = {
        name: (rows["score"] >= 0.5) != (rows["target"] == 1)
        for name, rows in (("own", left), ("both", both))
    }
    left_out = np.arange(len(both)) < len(left)
    return {
        "wrong_own": auc(wrong["own"].astype(int), left["novelty"]),
        "wrong_both": auc(wrong["both"].astype(int), both["novelty"]),
        "left_out": auc(left_out.astype(int), both["novelty"]),
        "errors_own": float(wrong["own"].mean()),
        "errors_others": float(wrong["both"].to_numpy()[~left_out].mean()),
    }


def robustness(run: Run) -> Numbers:
    """AUC under each condition of the grid and, on the same images, of the clean ones; mean and mean loss.

    The images are of sources that the run was trained on.
    """
    changed = {condition: run.read(condition) for condition in GRID}
    clean = run.read(_clean(run))
    same = clean[clean["img_name"].isin(changed[GRID[0]]["img_name"])]
    values = {condition: auc(rows["target"], rows["score"]) for condition, rows in changed.items()}
    base, mean = auc(same["target"], same["score"]), float(np.mean(list(values.values())))
    return {"images": len(same), "clean": base, **values, "mean": mean, "loss": base - mean}


def _clean(run: Run) -> str:
    """Under which name the clean val images of the sources that it has seen were scored."""
    return "clean" if run.source is None else OTHERS


def collect(work: Path, methods: Sequence[str], held: Sequence[str]) -> Numbers:
    """Every number of these methods and hold-outs that has scores."""
    numbers: Numbers = {}
    for method in methods:
        results: Numbers = {
            "seen": {},
            "unseen": {},
            "novelty": {},
            "robustness": {},
            "kinds": {},
            "forged": {},
            "trained_kinds": [],
            "kin": {},
            "fit_seconds": {},
        }
        for name in held:
            run = Run(work, method, name)
            results["fit_seconds"][name] = run.facts().get("fit_seconds")
            if run.has("clean") and run.has("random"):
                by_condition = {condition: figures(run.read(condition)) for condition in ("clean", "random")}
                results["seen" if name == NONE else "unseen"][name] = by_condition
                if run.has(OTHERS) and "novelty" in run.read(OTHERS):
                    results["novelty"][name] = novelty(run)
            if all(run.has(condition) for condition in FORGED):
                results["forged"] = {
                    condition: forgery_tables.areas(run.read(condition)) for condition in FORGED
                }
                results["trained_kinds"] = run.facts().get("kinds", [])  # peers have none
            if all(run.has(condition) for condition in (_clean(run), *GRID)):
                results["robustness"][name] = robustness(run)
        full = Run(work, method, NONE)
        for kind in all_kinds():
            pair = {"with": full, "without": Run(work, method, held_name(kind))}
            names = {condition: f"{kind}-{condition}" for condition in KIND_CONDITIONS}
            if all(run.has(name) for run in pair.values() for name in names.values()):
                results["kinds"][kind] = {
                    trained: {condition: figures(run.read(name)) for condition, name in names.items()}
                    for trained, run in pair.items()
                }
            if of_kind(kind) and all(run.has(condition) for run in pair.values() for condition in FORGED):
                results["kin"][kind] = {
                    trained: {condition: forgery_tables.areas(run.read(condition)) for condition in FORGED}
                    for trained, run in pair.items()
                }
        numbers[method] = results
    return numbers


def markdown(numbers: Numbers) -> str:
    """The tables: known sources, unseen ones, novelty there, changed pictures, forgeries, kinds left out."""
    tables = [
        *_seen(numbers),
        *_unseen(numbers),
        *_novel(numbers),
        *_robust(numbers),
        *forgery_tables.tables(numbers),
        *_kinds(numbers),
    ]
    return "\n\n".join(tables) + "\n"


def _seen(numbers: Numbers) -> Iterable[str]:
    known = {m: f["seen"][NONE] for m, f in numbers.items() if f["seen"]}
    scopes = dict.fromkeys(scope for f in known.values() for scope in f["clean"])
    for scope in scopes:
        first = next(f["clean"][scope] for f in known.values())
        rows = {
            m: [
                *(interval(f["clean"][scope][name]) for name in FIGURES),
                interval(f["random"][scope]["auc"]),
            ]
            + ([plain(numbers[m]["fit_seconds"][NONE], "{:.0f}")] if scope == ALL else [])
            for m, f in known.items()
        }
        title = f"Trained on every source, val `{scope}`: {first['n']:,} images, {first['reals']:,} real"
        columns = [*FIGURES.values(), "AUC, random"] + (["training, s"] if scope == ALL else [])
        yield table(title, columns, rows)


def _unseen(numbers: Numbers) -> Iterable[str]:
    sources = list(dict.fromkeys(source for f in numbers.values() for source in f["unseen"]))
    rows = {
        m: [
            interval(f["unseen"][source][condition][ALL]["auc"]) if source in f["unseen"] else "–"
            for source in sources
            for condition in ("clean", "random")
        ]
        for m, f in numbers.items()
        if f["unseen"]
    }
    if rows:
        columns = [f"`{source}`, {condition}" for source in sources for condition in ("clean", "random")]
        yield table("AUC on a source that was left out of training", columns, rows)


def _novel(numbers: Numbers) -> Iterable[str]:
    rows = {
        f"{method}, without `{source}`": [
            *(plain(figure[name], "{:.3f}") for name in ("wrong_own", "wrong_both", "left_out")),
            *(plain(figure[name], "{:.1%}") for name in ("errors_own", "errors_others")),
        ]
        for method, f in numbers.items()
        for source, figure in f["novelty"].items()
    }
    if rows:
        columns = ["wrong, its images", "wrong, all of val", "the source itself"]
        columns += ["errors, its images", "errors, others"]
        yield table("What novelty tells when a source was left out (AUC)", columns, rows)


def _robust(numbers: Numbers) -> Iterable[str]:
    names = ["clean", *GRID, "mean", "loss"]
    for held in dict.fromkeys(held for f in numbers.values() for held in f["robustness"]):
        tried = {m: f["robustness"][held] for m, f in numbers.items() if held in f["robustness"]}
        images = next(iter(tried.values()))["images"]
        rows = {m: [plain(f[name], "{:.3f}") for name in names] for m, f in tried.items()}
        without = "" if held == NONE else f" by what was trained without `{held}`, of the other sources"
        yield table(
            f"AUC on changed pictures{without}: {images:,} val images, sources and classes alike", names, rows
        )


def _kinds(numbers: Numbers) -> Iterable[str]:
    for method, kinds in ((m, f["kinds"]) for m, f in numbers.items() if f["kinds"]):
        cases = [(trained, condition) for trained in ("with", "without") for condition in KIND_CONDITIONS]
        rows = {
            f"{kind}, {scope}": [
                interval(figure[trained][condition][scope]["auc"]) for trained, condition in cases
            ]
            for kind, figure in kinds.items()
            for scope in figure["with"]["clean"]
        }
        columns = [f"trained {trained} it, {condition}" for trained, condition in cases]
        yield table(f"{method}: AUC of val reals against pseudo-fakes of one kind", columns, rows)


def write(work: Path, numbers: Numbers) -> str:
    """Write quality.md and quality.json; returns the tables."""
    text = markdown(numbers)
    (work / "quality.md").write_text(text, encoding="utf-8")
    (work / "quality.json").write_text(json.dumps(numbers, indent=1), encoding="utf-8")
    return text
