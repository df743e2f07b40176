"""Sections of the report on the spectrum, on what the model is made of and how to make it again."""

from __future__ import annotations

import numpy as np

from features.spectral import get
from models.bundle_info import BundleInfo
from pipeline.reporting import figures
from pipeline.reporting.data import ReportData
from pipeline.reporting.elements import (
    Code,
    Column,
    Element,
    Figure,
    Paragraph,
    Section,
    Table,
)
from pipeline.reporting.number_format import ABSENT, number, percent
from pipeline.reporting.radial_spectrum import RadialSpectrum

_COMMANDS = """dvc repro                      # every stage whose inputs changed
dvc metrics show               # the main figures of this page
python -m pipeline.report      # this page alone
python -m pipeline.predict --images FOLDER --bundle cache/model --out scores.txt"""


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
        [name, net.model, net.input, net.crop, net.origin, number(net.size), number(net.n_models)]
        for name, net in info.nets.items()
    ]
    columns = [
        *(Column(title, is_text=True) for title in ("net", "timm model", "input", "crop")),
        Column("weights", is_text=True, wraps=True),
        Column("size, px"),
        Column("models"),
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
