"""The technical report: the run in the order of a paper, filled from its own files, made to be printed."""

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
from pipeline.reporting.elements import Code, Column, Element, Heading, Page, Paragraph, Section, Table
from pipeline.reporting.language import joined, say
from pipeline.reporting.number_format import ABSENT, number
from pipeline.reporting.page import NO_AUDIT, VERDICTS
from pipeline.reporting.run_record import RunRecord

TITLE = "Technical report"
_METHOD = (
    "The largest face of an image is found by MTCNN and cut three ways: at its own pixels for spectral numbers, with context, "
    "and aligned by landmarks for nets. Spectral functions and nets turn it into a row of named numbers. Nets are trained in "
    "folds by groups, so that the number of a training image comes from a net that never saw its group. LightGBM boosters, one "
    "expert for each kind of fake, give a log-likelihood ratio each; Bayes' rule for fakes of several kinds fuses them.",
    "Beside the labelled fakes the model learns from pseudo-fakes, made from real faces, each with a real partner that went "
    "through the same files. The score is calibrated on images that neither a net nor a tree has seen, and thresholds with a "
    "guarantee come from the same images.",
    "Figures are of val, which no stage of training reads. Intervals are of 95 % and count whole groups.",
)
_COMMANDS = """make repro{data}                 # installs, trains, evaluates, predicts
dvc repro                        # the same, where all is installed
python -m pipeline.report --technical
python -m pipeline.holdout       # each source left out of all training"""


def compose(data: ReportData, run: RunRecord) -> Page:
    """Set up the document.

    Parameters
    ----------
    data : ReportData
        What the stages have measured.
    run : RunRecord
        What the run left beside it.

    Returns
    -------
    Page
    """
    level = data.audit.get("verdict")
    parts: list[tuple[str, str, list[Element]]] = [
        ("data", "Data", _under(data_sections.dataset(data), data_sections.audit(data))),
        ("method", "Method", [*map(Paragraph, _METHOD), *_under(model_sections.model(data))]),
        ("training", "Training", _training(run)),
        ("results", "Results", _results(data)),
        ("ablation", "Ablation", _ablation(data)),
        ("runtime", "Runtime", _runtime(data, run)),
        ("reproducibility", "Reproducibility", _reproducibility(data, run)),
    ]
    return Page(
        title=TITLE,
        verdict=NO_AUDIT if level is None else VERDICTS[level],
        level="red" if level is None else level,
        notices=[],
        sections=[
            Section(name, joined([f"{place} ", title], ""), elements)
            for place, (name, title, elements) in enumerate(parts, start=1)
        ],
    )


def _under(*sections: Section) -> list[Element]:
    """Sections of the report as parts of one section."""
    elements: list[Element] = []
    for section in sections:
        elements += [Heading(section.title), *section.elements]
    return elements


def _results(data: ReportData) -> list[Element]:
    return _under(
        result_sections.main_figures(data),
        result_sections.curves(data),
        decision_sections.calibration(data),
        decision_sections.answers(data),
        refit_sections.sources_left_out(data),
        result_sections.novelty(data),
    )


def _ablation(data: ReportData) -> list[Element]:
    return _under(
        refit_sections.ablation(data),
        refit_sections.learning_curve(data),
        importance_sections.importance(data),
        model_sections.spectrum(data),
    )


def _training(run: RunRecord) -> list[Element]:
    """Settings of what learns: nets, pseudo-fakes, trees."""
    rows = [
        [f"{section}.{key}", text]
        for section in ("finetune", "embed", "variants", "train", "manifest")
        for key, text in _settings(run.settings.get(section, {}))
    ]
    columns = [Column("setting", is_text=True), Column("value", is_text=True, wraps=True)]
    return [
        Table(
            columns,
            rows,
            "As they were in force, from cache/params.yaml; docs/parameters.md says what each means.",
        )
    ]


def _settings(section: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Key and value of every setting below a section."""
    found = []
    for key, value in section.items():
        inside = _settings(value, f"{prefix}{key}.") if isinstance(value, dict) and value else None
        found += (
            inside if inside is not None else [(f"{prefix}{key}", ABSENT if value is None else str(value))]
        )
    return found


def _runtime(data: ReportData, run: RunRecord) -> list[Element]:
    texts = [
        say("Machine of this report: {machine}; Python {python}.", machine=run.machine, python=run.python),
        say(
            "The bundle has {size} MB and scores with {numbers} numbers an image.",
            size=number(run.bundle_bytes / 1e6, 1),
            numbers=number(sum(len(block.columns) for block in data.info.blocks.values())),
        ),
    ]
    if run.seconds is not None:
        texts.append(
            say(
                "Scoring an image, decoding and face detection included, takes {seconds} s in one process, everything loaded "
                "(mean of {images} val images, measured while this report was made; other work slows it).",
                seconds=number(run.seconds, 2),
                images=number(run.timed),
            )
        )
    return [
        *map(Paragraph, texts),
        Paragraph("How long training took is not recorded: no result depends on it."),
    ]


def _reproducibility(data: ReportData, run: RunRecord) -> list[Element]:
    info = data.info
    software = ", ".join(f"{name} {version}" for name, version in info.software.items())
    root = run.settings.get("data", {}).get("root")
    texts = [
        say("Commit of the code: {commit}.", commit=run.commit or "not known"),
        say("Versions: Python {python}, {software}.", python=run.python, software=software),
        say("Seeds: {seeds}.", seeds=", ".join(f"{key} = {seed}" for key, seed in run.seeds.items())),
        say(
            "Fingerprint of the training images and labels: {fingerprint}.",
            fingerprint=info.training.fingerprint,
        ),
        "On the CPU of one machine the same inputs, settings and versions give the same bytes.",
    ]
    files = [[name, digest] for name, digest in info.files.items()]
    file_columns = [
        Column("part of the bundle", is_text=True, wraps=True),
        Column("SHA-256", is_text=True, wraps=True),
    ]
    outputs = [list(output) for output in run.outputs]
    columns = [
        Column("stage", is_text=True),
        Column("output", is_text=True, wraps=True),
        Column("MD5", is_text=True, wraps=True),
    ]
    elements: list[Element] = [
        *map(Paragraph, texts),
        Heading("Commands"),
        Code(_COMMANDS.format(data=f" DATA={root}" if root else "")),
        Heading("Hashes of the bundle"),
        Table(file_columns, files),
    ]
    if outputs:
        elements += [Heading("Hashes of the stages' outputs"), Table(columns, outputs, "From dvc.lock.")]
    return elements
