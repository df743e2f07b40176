"""Sections of the report on what the model looks at, what it is made of and how to make it again."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.spectral import get
from models.bundle_info import BundleInfo
from pipeline.reporting import figures
from pipeline.reporting.data import ReportData
from pipeline.reporting.elements import (
    Code,
    Column,
    Drawing,
    Element,
    Figure,
    Heading,
    Paragraph,
    Section,
    Table,
)
from pipeline.reporting.number_format import ABSENT, is_absent, number, percent
from pipeline.reporting.radial_spectrum import RadialSpectrum

_BLOCK_CAPTION = (
    "How to read this: |SHAP| is how far a block moves the score, in log-odds, its columns added up image by image; "
    "AUC drop is what val loses when the block is shuffled among the images (whisker: standard deviation over "
    "the shuffles); gain is the share of the training loss that its splits removed. A block with gain but "
    "without drop repeats what other blocks know."
)
_FEATURE_CAPTION = (
    "How to read this: the same for single columns, ordered by |SHAP|, and only these were shuffled. Columns that "
    "say the same thing share their importance, so one of them alone can look small."
)
_COMMANDS = """dvc repro                      # every stage whose inputs changed
dvc metrics show               # the main figures of this page
python -m pipeline.report      # this page alone
python -m pipeline.predict --images FOLDER --bundle cache/model --out scores.txt"""


def importance(data: ReportData) -> Section:
    """Show importance by block and by feature."""
    features = data.features.head(data.top)
    elements: list[Element] = [
        Paragraph(_strongest_block(data)),
        Heading("By block"),
        Figure(_bars(data.blocks, "block", "Importance of each block."), _BLOCK_CAPTION),
        Heading(f"By feature: the first {len(features)} of {len(data.features):,}"),
        Figure(_bars(features, "feature", "Importance of the first features."), _FEATURE_CAPTION),
        Paragraph("All of it: reports/importance_blocks.csv and reports/importance_features.csv."),
    ]
    return Section("importance", "What the model looks at", elements)


def _strongest_block(data: ReportData) -> str:
    if data.blocks.empty or not data.explained:
        return "No val image, so only gain and split are known."
    first = data.blocks.iloc[0]
    text = f"Worked out on {data.explained:,} val images. {first['block']} moves the score most: "
    text += f"{number(float(first['shap']))} log-odds on average"
    if not is_absent(float(first["auc_drop"])):
        text += f"; shuffled, val AUC falls by {number(float(first['auc_drop']))}"
    unused = data.blocks.loc[(data.blocks["gain"] == 0) & ~(data.blocks["shap"] > 0), "block"].tolist()
    return text + "." + (f" Never used: {', '.join(unused)}." if unused else "")


def _bars(table: pd.DataFrame, name: str, alt: str) -> Drawing:
    labels = {
        "shap": "mean |SHAP|, log-odds",
        "auc_drop": "AUC drop when shuffled",
        "gain": "share of gain",
    }
    panels = {label: table[key].to_numpy(dtype=np.float64) for key, label in labels.items()}
    spreads = {labels["auc_drop"]: table["auc_drop_sd"].to_numpy(dtype=np.float64)}
    lead = ", ".join(str(value) for value in table[name].head(3))
    return figures.bars(table[name].tolist(), panels, spreads, f"{alt} First by SHAP: {lead}.")


def spectrum(data: ReportData) -> Section:
    """Show the mean radial spectra of both classes and the bands that the model uses."""
    title, spectra = "Mean radial spectrum", data.spectrum
    if spectra is None:
        text = "Not drawn: the model has no radial block, or val lacks one of the classes."
        return Section("spectrum", title, [Paragraph(text)])
    caption = (
        f"Orange: bands the model uses, the darker the more mean |SHAP|. {_most_used_bands(spectra)} Shadow of a "
        "line: 95 % interval of the mean. Right of the dotted line only diagonals remain."
    )
    return Section("spectrum", title, [Figure(figures.spectrum(spectra), caption)])


def _most_used_bands(spectra: RadialSpectrum) -> str:
    if not spectra.weight.sum() > 0:
        return "The model uses none of these bands."
    order = np.argsort(-spectra.weight, kind="stable")[:3]
    bands = ", ".join(f"{spectra.frequency[i]:.3f} ({percent(spectra.weight[i], 0)})" for i in order)
    return f"Most used, in cycles per pixel: {bands} of what the spectrum's bins contribute."


def model(data: ReportData) -> Section:
    """Show blocks, nets with the origin of their weights, training data and versions."""
    info = data.info
    software = ", ".join(f"{name} {version}" for name, version in info.software.items())
    elements: list[Element] = [
        *_blocks(info),
        *_nets(info),
        Paragraph(_training(info)),
        Paragraph(f"Made with {software}."),
    ]
    return Section("model", "Model", elements)


def _blocks(info: BundleInfo) -> list[Table | Paragraph]:
    """Show the blocks, each with the fingerprint of its code, then the fingerprints of all other code."""
    targets = {name: get(name).target for name in info.blocks_of("spectral")}
    rows = [
        [name, block.sort, number(len(block.columns)), info.code.get(targets.get(name, ""), ABSENT)]
        for name, block in info.blocks.items()
    ]
    columns = [
        Column("block", is_text=True),
        Column("sort", is_text=True),
        Column("columns"),
        Column("fingerprint of its code"),
    ]
    others = [f"{target} {value}" for target, value in info.code.items() if target not in targets.values()]
    text = f"Fingerprints of other code that the columns depend on: {', '.join(others)}."
    return [Table(columns, rows), *([Paragraph(text)] if others else [])]


def _nets(info: BundleInfo) -> list[Table]:
    rows = [
        [
            name,
            net.model,
            net.input,
            net.crop,
            net.origin,
            number(net.size),
            number(net.n_models),
            "yes" if net.mirror else "no",
            net.precision,
        ]
        for name, net in info.nets.items()
    ]
    columns = [
        *(Column(title, is_text=True) for title in ("net", "timm model", "input", "crop")),
        Column("weights", is_text=True, wraps=True),
        Column("size, px"),
        Column("models"),
        Column("mirror image too", is_text=True),
        Column("computed in", is_text=True),
    ]
    return [Table(columns, rows)] if rows else []


def _training(info: BundleInfo) -> str:
    training, stacker = info.training, info.stacker
    boosters = ", ".join(
        f"{expert.n_boosters} for {expert.kind} (evidence for {expert.evidence_for:.2f}, "
        f"against {expert.evidence_against:.2f})"
        for expert in stacker.experts
    )
    calibrated = "out of fold"
    if training.calibration:
        calibrated += f", then on {training.calibration:,} images that no net and no tree has seen"
    return (
        f"Trained on {training.images:,} images ({training.fakes:,} fakes) in {training.groups:,} groups; "
        f"fingerprint {training.fingerprint}. LightGBM boosters: {boosters}, calibrated {calibrated}: "
        f"p = expit({stacker.slope:.4f} × raw {stacker.offset:+.4f}). Prior: {info.prior:.4f}."
    )


def repeat(data: ReportData) -> Section:
    """Show the commands and parameters that give this page again."""
    rows = [
        [f"{section}.{key}", str(value)]
        for section, values in data.info.params.items()
        for key, value in values.items()
    ]
    columns = [Column("parameter", is_text=True), Column("value", is_text=True, wraps=True)]
    caption = "Parameters of the model, from its bundle; the rest is in cache/params.yaml."
    return Section("repeat", "How to repeat", [Code(_COMMANDS), Table(columns, rows, caption)])
