"""The record of a bundle: whole or refused, and every part is the one that it names."""

import json
import shutil

import pytest

from models import bundle_info
from models.bundle_info import (
    BlockInfo,
    BundleError,
    BundleInfo,
    ExpertInfo,
    StackerInfo,
    TrainingInfo,
    files_of,
    read_info,
    write_info,
)


def record(**changes):
    training = {
        "images": 4,
        "fakes": 2,
        "calibration": 0,
        "groups": 4,
        "sources": {"all": 4},
        "fingerprint": "f",
    }
    given = {
        "blocks": {"face": BlockInfo(sort="face", columns=["face.found"])},
        "stacker": StackerInfo(
            columns=["face.found"],
            bias=-1.0,
            experts=[
                ExpertInfo(
                    kind="labelled",
                    n_boosters=1,
                    slope=1.0,
                    offset=0.0,
                    logit_weights={},
                    logit_means={},
                    evidence_for=1.0,
                    evidence_against=0.5,
                )
            ],
            slope=1.0,
            offset=0.0,
        ),
        "nets": {},
        "warnings": [],
        "prior": 0.5,
        "params": {},
        "training": TrainingInfo(**training),
        "thresholds": [],
        "metrics": {},
        "software": {},
        "code": {},
        "files": {},
    }
    return BundleInfo(**{**given, **changes})


@pytest.fixture
def bundle(tmp_path):
    (tmp_path / "nets/net_a").mkdir(parents=True)
    (tmp_path / "stacker.txt").write_text("tree")
    (tmp_path / "nets/net_a/member0.safetensors").write_bytes(bytes(range(200)))
    write_info(tmp_path, record(files=files_of(tmp_path)))
    return tmp_path


def test_the_record_comes_back(bundle):
    assert read_info(bundle) == record(files=files_of(bundle))
    assert set(read_info(bundle).files) == {"stacker.txt", "nets/net_a/member0.safetensors"}


def test_a_folder_without_a_record_is_no_bundle(tmp_path):
    with pytest.raises(
        BundleError, match="holds no bundle.json; train a bundle with `dvc repro` or name one"
    ):
        read_info(tmp_path)


@pytest.mark.parametrize("name", ["stacker.txt", "nets/net_a/member0.safetensors"])
@pytest.mark.parametrize("damage", ["altered", "cut", "missing"])
def test_every_part_is_the_one_that_was_written(bundle, name, damage):
    path = bundle / name
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(
            content[:-1] if damage == "cut" else content[:1] + bytes([content[1] ^ 1]) + content[2:]
        )
    with pytest.raises(BundleError, match=name) as error:
        read_info(bundle)
    assert "\n" not in str(error.value)


def test_every_byte_of_the_record_counts(bundle):
    """Each byte changed once: a digit of a slope or a blank between two keys, it is never read as if it were whole."""
    path = bundle / "bundle.json"
    content = path.read_bytes()
    for place in range(len(content)):
        for flip in (1, 0x29):
            path.write_bytes(content[:place] + bytes([content[place] ^ flip]) + content[place + 1 :])
            with pytest.raises(BundleError, match="bundle.json") as error:
                read_info(bundle)
            assert "\n" not in str(error.value)
    for end in (0, 1, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:end])
        with pytest.raises(BundleError, match="bundle.json"):
            read_info(bundle)


def test_another_format_is_refused(bundle):
    text = json.loads((bundle / "bundle.json").read_text())
    (bundle / "bundle.json").write_text(json.dumps({**text, "format": 99}))
    with pytest.raises(BundleError, match=r"has format 99, this release reads 1; train again"):
        read_info(bundle)


@pytest.mark.parametrize(
    "change",
    [
        {"prior": float("nan")},
        {"prior": 2.0},
        {"blocks": {}},
        {"files": {"../up": "0" * 64}},
        {"files": {"/a": "0" * 64}},
    ],
)
def test_values_that_no_bundle_has_are_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        record(**change)


def test_a_number_of_boosters_that_no_bundle_has_is_refused():
    with pytest.raises(ValueError, match="n_boosters"):
        ExpertInfo(
            kind="labelled",
            n_boosters=10**9,
            slope=1.0,
            offset=0.0,
            logit_weights={},
            logit_means={},
            evidence_for=1.0,
            evidence_against=0.5,
        )


def test_a_copied_bundle_is_the_same_bundle(bundle, tmp_path):
    shutil.copytree(bundle, tmp_path / "elsewhere")
    assert read_info(tmp_path / "elsewhere") == read_info(bundle)
    assert bundle_info.sha256(bundle / "stacker.txt") == read_info(bundle).files["stacker.txt"]
