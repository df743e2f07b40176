"""Every path that the stages share, spelled once; relative to the folder of the run."""

from __future__ import annotations

from pathlib import Path

CACHE = Path("cache")
MANIFEST = CACHE / "manifest.parquet"
MANIFEST_ISSUES = CACHE / "manifest_issues.csv"
ISSUES = CACHE / "issues"  # <stage>.csv: files that changed under the run
SETTINGS = CACHE / "params.yaml"  # what is in force: params.yaml with params.local.yaml over it
FILES = CACHE / "files"
FACES = CACHE / "faces"
FEATURES = CACHE / "features"
GENERATED = CACHE / "generated"
NETS = CACHE / "nets"
FINETUNE = CACHE / "finetune"
BUNDLE = CACHE / "model"
OOF = CACHE / "oof.parquet"
SCORES = CACHE / "scores.parquet"

REPORTS = Path("reports")
MANIFEST_SUMMARY = REPORTS / "manifest.json"
AUDIT = REPORTS / "audit.json"
AUDIT_PAGE = REPORTS / "audit.html"
METRICS = REPORTS / "metrics.json"
EVALUATION = REPORTS / "evaluation.json"
ABLATION = REPORTS / "ablation.csv"
STABILITY = REPORTS / "importance_stability.csv"
LEARNING_CURVE = REPORTS / "learning_curve.csv"
REPORT = REPORTS / "report.html"
TECHNICAL = REPORTS / "technical.html"
PREDICTION_DETAILS = REPORTS / "prediction_details.csv"
PREDICTION_ISSUES = REPORTS / "prediction_issues.csv"

PREDICTION = Path("prediction.txt")
