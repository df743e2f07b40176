"""Sections of the report on the spectrum, on what the model is made of and how to make it again."""

from __future__ import annotations

import numpy as np

from features.spectral import get
from models.bundle_info import BlockSort, BundleInfo
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
from pipeline.reporting.language import Text, joined, say
from pipeline.reporting.number_format import ABSENT, number, percent
from pipeline.reporting.radial_spectrum import RadialSpectrum

_COMMANDS = """dvc repro                      # every stage whose inputs changed
dvc metrics show               # the main figures of this page
python -m pipeline.report      # this page alone
python -m pipeline.predict --images FOLDER --bundle cache/model --out scores.txt"""


_SORTS: dict[BlockSort, str] = {
    "face": "face detector",
    "spectral": "spectral function",
    "embedding": "frozen net",
    "net": "fine-tuned net",
}


def spectrum(data: ReportData) -> Section:
    """Show the mean radial spectra of both classes and the bands that the model uses."""
    title, spectra = "Mean radial spectrum", data.spectrum
    if spectra is None:
        text = "Not drawn: the model has no radial block, or val lacks one of the classes."
        return Section("spectrum", title, [Paragraph(text)])
    caption = say(
        "Orange: bands the model uses, the darker the more mean |SHAP|. {used} Shadow of a line: 95 % interval of the mean. "
        "Right of the dotted line only diagonals remain.",
        used=_most_used_bands(spectra),
    )
    return Section("spectrum", title, [Figure(figures.spectrum(spectra), caption)])


def _most_used_bands(spectra: RadialSpectrum) -> Text:
    if not spectra.weight.sum() > 0:
        return say("The model uses none of these bands.")
    order = np.argsort(-spectra.weight, kind="stable")[:3]
    bands = ", ".join(f"{spectra.frequency[i]:.3f} ({percent(spectra.weight[i], 0)})" for i in order)
    return say("Most used, in cycles per pixel: {bands} of what the spectrum's bins contribute.", bands=bands)


def model(data: ReportData) -> Section:
    """Show blocks, nets with the origin of their weights, training data and versions."""
    info = data.info
    software = ", ".join(f"{name} {version}" for name, version in info.software.items())
    elements: list[Element] = [
        *_blocks(info),
        *_nets(info),
        Paragraph(_training(info)),
        Paragraph(say("Made with {software}.", software=software)),
    ]
    return Section("model", "Model", elements)


def _blocks(info: BundleInfo) -> list[Table | Paragraph]:
    """Show the blocks, each with the fingerprint of its code, then the fingerprints of all other code."""
    targets = {name: get(name).target for name in info.blocks_of("spectral")}
    rows = [
        [name, _SORTS[block.sort], number(len(block.columns)), info.code.get(targets.get(name, ""), ABSENT)]
        for name, block in info.blocks.items()
    ]
    columns = [
        Column("block", is_text=True),
        Column("sort", is_text=True),
        Column("columns"),
        Column("fingerprint of its code"),
    ]
    others = [f"{target} {value}" for target, value in info.code.items() if target not in targets.values()]
    text = say("Fingerprints of other code that the columns depend on: {others}.", others=", ".join(others))
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


def _training(info: BundleInfo) -> Text:
    training, stacker = info.training, info.stacker
    boosters = [
        say(
            "{count} for {kind} (share of the fakes {share})",
            count=str(expert.n_boosters),
            kind=expert.kind,
            share=percent(expert.share, 0),
        )
        for expert in stacker.experts
    ]
    calibrated = say("out of fold")
    if training.calibration:
        images = number(training.calibration)
        calibrated = say(
            "out of fold, then on {images} images that no net and no tree has seen", images=images
        )
    return say(
        "Trained on {images} images ({fakes} fakes) in {groups} groups; fingerprint {fingerprint}. LightGBM boosters: "
        "{boosters}, calibrated {calibrated}: p = expit({slope} × raw {offset}). Prior: {prior}.",
        images=number(training.images),
        fakes=number(training.fakes),
        groups=number(training.groups),
        fingerprint=training.fingerprint,
        boosters=joined(boosters, ", "),
        calibrated=calibrated,
        slope=f"{stacker.slope:.4f}",
        offset=f"{stacker.offset:+.4f}",
        prior=f"{info.prior:.4f}",
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
