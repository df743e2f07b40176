"""The record of a bundle: whole or refused, and every part is the one that it names."""

import json
import os
import shutil

import pytest

from models import bundle_info
from models.bundle_files import files_of, read_info, read_part, write_info
from models.bundle_info import (
    BlockInfo,
    BundleError,
    BundleInfo,
    NetInfo,
    StackerInfo,
    TrainingInfo,
)

PARTS = (
    "stacker_labelled_fold0.txt",
    "novelty.safetensors",
    "reference.safetensors",
    "nets/net_a/net.json",
    "nets/net_a/member0.safetensors",
)
FACES = {
    "min_face": 20,
    "coarse_face": 0.15,
    "thresholds": [0.6, 0.7, 0.7],
    "border": 0.25,
    "native": 1.2,
    "context": 2.0,
    "aligned": 1.6,
}


def expert(**changes):
    given = {
        "kind": "labelled",
        "n_boosters": 1,
        "slope": 1.0,
        "offset": 0.0,
        "logit_weights": {"net_a.labelled": 1.0},
        "logit_means": {"net_a.labelled": 0.0},
        "share": 1.0,
    }
    return {**given, **changes}


def stacker(**changes):
    given = {
        "columns": ["face.found", "net_a.labelled"],
        "experts": [expert()],
        "slope": 1.0,
        "offset": 0.0,
    }
    return {**given, **changes}


def record(**changes):
    training = {
        "images": 4,
        "fakes": 2,
        "calibration": 0,
        "groups": 4,
        "sources": {"all": 4},
        "fingerprint": "f",
        "score_quantiles": [0.0] * 50 + [1.0] * 51,
    }
    given = {
        "blocks": {
            "face": BlockInfo(sort="face", columns=["face.found"]),
            "net_a": BlockInfo(sort="net", columns=["net_a.labelled"]),
        },
        "stacker": StackerInfo(**stacker()),
        "nets": {
            "net_a": NetInfo(
                model="m",
                input="rgb",
                crop="aligned",
                size=64,
                origin="test",
                n_models=1,
                mirror=True,
                precision="f32",
            )
        },
        "warnings": [],
        "prior": 0.5,
        "params": {"faces": FACES, "manifest": {"max_pixels": 10**8}},
        "training": TrainingInfo(**training),
        "thresholds": [],
        "metrics": {},
        "software": {"torch": "2.15.0+cpu"},
        "code": {"features.views:plan_crop": "0" * 16},
        "files": dict.fromkeys(PARTS, "0" * 64),
    }
    return BundleInfo(**{**given, **changes})


@pytest.fixture
def bundle(tmp_path):
    (tmp_path / "nets/net_a").mkdir(parents=True)
    for name in PARTS:
        (tmp_path / name).write_bytes(name.encode() + bytes(range(200)))
    write_info(tmp_path, record(files=files_of(tmp_path)))
    return tmp_path


def test_the_record_comes_back(bundle):
    assert read_info(bundle) == record(files=files_of(bundle))
    assert set(read_info(bundle).files) == set(PARTS)


def test_a_folder_without_a_record_is_no_bundle(tmp_path):
    with pytest.raises(
        BundleError, match="holds no bundle.json; train a bundle with `dvc repro` or name one"
    ):
        read_info(tmp_path)


@pytest.mark.parametrize("name", PARTS)
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
    with pytest.raises(BundleError, match=r"has format 99, this release reads 2; train again"):
        read_info(bundle)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prior": float("nan")}, "prior"),
        ({"prior": 2.0}, "prior"),
        ({"blocks": {}}, "blocks"),
        ({"blocks": {"../up": BlockInfo(sort="face", columns=["face.found"])}}, "blocks"),
        ({"files": {"../up": "0" * 64}}, "files"),
        ({"files": {"/a": "0" * 64}}, "files"),
        ({"files": {"nets/../../up": "0" * 64}}, "files"),
        ({"files": {"a" * 256: "0" * 64}}, "files.*\n.*at most 255 characters"),
        ({"files": {"/".join("a" * 129): "0" * 64}}, "files.*\n.*at most 255 characters"),
        ({"files": dict.fromkeys(("zz", "zz/b"), "0" * 64)}, "a file that is a folder of another"),
        ({"files": dict.fromkeys(("zz/b/c", "zz"), "0" * 64)}, "a file that is a folder of another"),
        ({"files": {"bundle.json": "0" * 64}}, "files names bundle.json"),
        ({"files": {"bundle.json/a": "0" * 64}}, "files names bundle.json, or a file that is a folder"),
        ({"files": dict.fromkeys(PARTS[1:], "0" * 64)}, f"files does not name {PARTS[0]}"),
        ({"files": dict.fromkeys(PARTS[:3], "0" * 64)}, f"files does not name {PARTS[3]}"),
        ({"software": {}}, "software"),
        ({"software": {"torch": ""}}, "software"),
        ({"code": {}}, "code"),
        ({"code": {"features.views:plan_crop": ""}}, "code"),
        ({"nets": {}}, "nets are not those whose outputs are blocks"),
        ({"params": {}}, "params"),
        ({"params": {"faces": {**FACES, "native": 1e9}, "manifest": {"max_pixels": 1}}}, "params"),
        ({"params": {"faces": FACES, "manifest": {"max_pixels": 10**18}}}, "params"),
        ({"stacker": stacker(columns=["net_a.labelled", "face.found"])}, "stacker.columns"),
        ({"stacker": stacker(experts=[])}, "experts"),
        ({"stacker": stacker(experts=[expert(), expert()])}, "two experts are of the same kind"),
        ({"stacker": stacker(slope=float("nan"))}, "slope"),
        ({"stacker": stacker(offset=1e300)}, "offset"),
        ({"stacker": stacker(experts=[expert(slope=float("inf"))])}, "slope"),
        ({"stacker": stacker(experts=[expert(n_boosters=10**9)])}, "n_boosters"),
        ({"stacker": stacker(experts=[expert(kind="../up")])}, "kind"),
        ({"stacker": stacker(experts=[expert(share=0.0)])}, "share"),
        ({"stacker": stacker(experts=[expert(share=0.9)])}, "do not add up to 1"),
        ({"stacker": stacker(experts=[expert(kind=f"k{i}", share=1 / 13) for i in range(13)])}, "experts"),
        ({"stacker": stacker(experts=[expert(logit_means={})])}, "logit_weights and logit_means"),
        (
            {
                "stacker": stacker(
                    experts=[expert(logit_weights={"face.found": 1.0}, logit_means={"face.found": 0.0})]
                )
            },
            "no net's logit",
        ),
    ],
)
def test_values_that_no_bundle_has_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        record(**change)


def test_a_part_is_read_only_as_the_record_names_it(bundle):
    """Between the check of a bundle and the first use of a net a new one may have been trained into the folder."""
    info = read_info(bundle)
    part = bundle / PARTS[-1]
    assert read_part(bundle, info, part) == part.read_bytes()
    (bundle / "nets/net_a/member1.safetensors").write_bytes(b"")
    with pytest.raises(BundleError, match="member1.safetensors is not named in bundle.json"):
        read_part(bundle, info, bundle / "nets/net_a/member1.safetensors")
    part.write_bytes(b"another")
    with pytest.raises(BundleError, match="member0.safetensors is damaged or was altered"):
        read_part(bundle, info, part)


@pytest.mark.parametrize("name", ["bundle.json", *PARTS])
def test_a_pipe_or_a_device_is_no_part(bundle, name):
    (bundle / name).unlink()
    os.mkfifo(bundle / name)
    with pytest.raises(BundleError, match=f"{name}.* no plain file"):
        read_info(bundle)
    (bundle / name).unlink()
    (bundle / name).symlink_to("/dev/zero")
    with pytest.raises(BundleError, match=f"{name}.* no plain file"):
        read_info(bundle)


def test_a_record_that_is_too_large_is_not_read(bundle):
    with (bundle / "bundle.json").open("ab") as stream:
        stream.truncate(65 << 20)
    with pytest.raises(BundleError, match="bundle.json has 68,157,440 bytes, allowed are 67,108,864"):
        read_info(bundle)


@pytest.mark.parametrize(
    "value", ["NaN", "1e999", "9" * 5000, "[" * 100_000, '"\\ud800"', '{"a": Infinity}', "null", "true"]
)
def test_a_value_that_json_allows_and_no_record_has_ends_in_one_line(bundle, value):
    path = bundle / "bundle.json"
    path.write_text(path.read_text().replace('"prior": 0.5', f'"prior": {value}'))
    with pytest.raises(BundleError, match="bundle.json is damaged") as error:
        read_info(bundle)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500 + len(str(bundle))


def test_a_copied_bundle_is_the_same_bundle(bundle, tmp_path):
    shutil.copytree(bundle, tmp_path / "elsewhere")
    assert read_info(tmp_path / "elsewhere") == read_info(bundle)
    assert bundle_info.sha256(bundle / PARTS[0]) == read_info(bundle).files[PARTS[0]]
