"""Sections on the spectrum and what the model is made of."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.reporting import model_sections
from pipeline.reporting.elements import Paragraph
from pipeline.reporting.number_format import ABSENT
from pipeline.reporting.radial_spectrum import RadialSpectrum
from tests.pipeline.reporting.example import BLOCKS, bundle_info, report_data, tables, texts

pytestmark = pytest.mark.usefixtures("undrawn")


def spectra(weight):
    values = np.linspace(1, 2, len(weight))
    return RadialSpectrum(
        frequency=(np.arange(len(weight)) + 0.5) / 64,
        weight=np.array(weight, dtype=np.float64),
        real=(values, values / 10),
        fake=(values + 1, values / 10),
        gaps={"alpha": values},
    )


def test_the_spectrum_names_the_bands_that_are_used_most():
    (figure,) = model_sections.spectrum(report_data(spectrum=spectra([0.2, 0.5, 0.0, 0.3]))).elements
    assert "0.023 (50\u00a0%), 0.055 (30\u00a0%), 0.008 (20\u00a0%)" in figure.caption
    (figure,) = model_sections.spectrum(report_data(spectrum=spectra([0.0, 0.0, 0.0, 0.0]))).elements
    assert "The model uses none of these bands." in figure.caption


def test_no_spectrum_says_why():
    assert texts(model_sections.spectrum(report_data()))[0].startswith("Not drawn: ")


def test_blocks_have_sort_and_fingerprint():
    section = model_sections.model(report_data())
    blocks = tables(section)[0]
    assert [row[0] for row in blocks.rows] == list(BLOCKS)
    assert blocks.rows[1] == ["radial", "spectral function", "9", "0123456789abcdef"]
    sorts = ["face detector", "spectral function", "frozen net", "fine-tuned net"]
    assert [row[1] for row in blocks.rows] == sorts
    assert [row[3] for row in blocks.rows if row[0] != "radial"] == [ABSENT] * 3
    other = "Fingerprints of other code that the columns depend on: models.nets.face_net:FaceNet fedcba9876543210."
    assert section.elements[1] == Paragraph(other)


def test_a_function_is_no_net_of_the_same_name():
    info = bundle_info(code={"models.nets.face_net:net_rgb": "fedcba9876543210"})
    blocks = tables(model_sections.model(report_data(info=info)))[0]
    assert [row[3] for row in blocks.rows] == [ABSENT] * 4


def test_no_recorded_code_has_no_sentence():
    section = model_sections.model(report_data(info=bundle_info(code={})))
    assert not any("Fingerprints" in text for text in texts(section))


def test_nets_are_shown_with_the_origin_of_their_weights():
    nets = tables(model_sections.model(report_data()))[1]
    assert nets.rows == [
        ["net_rgb", "tiny", "rgb", "aligned", "from scratch: <no weights>", "64", "7", "yes", "f32"]
    ]
    assert len(tables(model_sections.model(report_data(info=bundle_info(nets={}))))) == 1


def test_training_and_software_are_in_words():
    training, software = texts(model_sections.model(report_data()))[-2:]
    assert training == (
        "Trained on 1,240 images (620 fakes) in 300 groups; fingerprint f00d. LightGBM boosters: 3 for labelled "
        "(share of the fakes 75 %), 2 for blend (share of the fakes 25 %), calibrated out of fold: "
        "p = expit(1.5000 × raw -0.2500). Prior: 0.5000."
    )
    assert software == "Made with lightgbm 4.7.0, torch 2.15.0."


def test_images_kept_for_calibration_are_counted():
    training = bundle_info().training.model_dump() | {"calibration": 1600}
    text = texts(model_sections.model(report_data(info=bundle_info(training=training))))[-2]
    assert "out of fold, then on 1,600 images that no net and no tree has seen:" in text


def test_parameters_are_those_of_the_bundle():
    code, table = model_sections.repeat(report_data()).elements
    assert table.rows == [["faces.native", "1.2"], ["train.blocks", "None"], ["train.folds", "3"]]
    assert "prediction.txt" not in code.text  # the stage's file, not to be overwritten by hand
