"""cache/params.yaml: what is in force, and which weights each net starts from."""

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from models.nets import locations
from models.nets.packaged import PACKAGES, WeightsError
from pipeline.runtime import effective_params
from pipeline.runtime.params import ParamsError

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    raw = yaml.safe_load((ROOT / "params.yaml").read_text())
    raw["data"] = {"root": "images", "weights": "weights"}
    raw["embed"]["backbones"] = {"small": {"model": "mobilenetv3_small_050", "weights": "none"}}
    Path("params.yaml").write_text(yaml.safe_dump(raw))
    Path("images").mkdir()
    Path("weights").mkdir()


def written():
    effective_params.write()
    return yaml.safe_load(Path("cache/params.yaml").read_text())


def test_both_files_and_the_defaults_of_the_code_are_in_it():
    Path("params.local.yaml").write_text("train: {folds: 7}")
    record = written()
    assert record["train"]["folds"] == 7
    assert record["finetune"]["nets"]["face"]["batch_size"] == 32
    written_there = yaml.safe_load(Path("params.yaml").read_text())["finetune"]["nets"]["face"]
    assert record["finetune"]["nets"]["face"]["epochs"] == written_there["epochs"] > 1
    assert [p.name for p in Path("cache").iterdir()] == ["params.yaml"]


def test_a_removed_entry_stays_as_null_for_its_stage():
    Path("params.local.yaml").write_text("finetune: {nets: {seam: null}}\nembed: {backbones: {small: null}}")
    record = written()
    assert record["finetune"]["nets"]["seam"] is None
    assert record["checkpoints"]["net_seam"] is None
    assert record["embed"]["backbones"] == {"small": None}
    assert record["checkpoints"]["embed_small"] is None


def test_weights_are_told_by_their_hash():
    record = written()
    assert record["checkpoints"]["embed_small"] == {"model": "mobilenetv3_small_050", "weights": "none"}
    package = PACKAGES["tf_efficientnet_lite0"]
    assert record["checkpoints"]["net_face"]["file"] == Path(package.file).name
    assert record["checkpoints"]["net_face"]["sha256"] == package.sha256
    for content in (b"one", b"two"):
        Path("weights/tf_efficientnet_lite0.safetensors").write_bytes(content)
        found = written()["checkpoints"]["net_face"]
        assert found["file"] == "tf_efficientnet_lite0.safetensors"
        assert found["sha256"] == hashlib.sha256(content).hexdigest()


def test_a_file_named_in_the_settings_is_found():
    Path("mine.pth").write_bytes(b"mine")
    Path("mine.json").write_text("{}")
    Path("params.local.yaml").write_text("finetune: {nets: {face: {weights: mine.pth}}}")
    assert written()["checkpoints"]["net_face"]["sha256"] == hashlib.sha256(b"mine").hexdigest()


def test_weights_in_the_hub_cache_are_told_by_their_hash(monkeypatch):
    Path("params.local.yaml").write_text("finetune: {nets: {face: {model: mobilenetv2_100}}}")
    Path("model.safetensors").write_bytes(b"hub")
    monkeypatch.setattr(locations, "_in_hub_cache", lambda name: Path("model.safetensors"))
    found = written()["checkpoints"]["net_face"]
    assert found["hub"] == "timm/mobilenetv2_100.ra_in1k"
    assert found["sha256"] == hashlib.sha256(b"hub").hexdigest()


def test_of_pretrained_weights_the_hub_is_written_whether_its_file_was_downloaded_or_not(monkeypatch):
    net = "{model: mobilenetv2_100, weights: pretrained}"
    Path("params.local.yaml").write_text(f"finetune: {{nets: {{face: {net}}}}}")
    monkeypatch.setattr(locations, "_in_hub_cache", lambda name: None)
    before = written()["checkpoints"]["net_face"]
    Path("model.safetensors").write_bytes(b"hub")
    monkeypatch.setattr(locations, "_in_hub_cache", lambda name: Path("model.safetensors"))
    assert written()["checkpoints"]["net_face"] == before
    assert before == {
        "model": "mobilenetv2_100",
        "weights": "pretrained",
        "hub": "timm/mobilenetv2_100.ra_in1k",
    }


def test_a_package_with_another_file_is_refused_before_anything_is_written(monkeypatch):
    model = "tf_efficientnet_lite0"
    monkeypatch.setitem(PACKAGES, model, replace(PACKAGES[model], sha256="0" * 64))
    with pytest.raises(WeightsError, match="has SHA-256 .* instead of 0000"):
        effective_params.write()
    assert not Path("cache").exists()


def test_the_settings_are_read_without_torch_and_timm():
    script = (
        "import sys, pipeline.runtime.effective_params; sys.exit(bool({'torch', 'timm'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0


def test_timm_is_not_imported_again_for_names_that_were_right(monkeypatch):
    first = written()
    monkeypatch.setitem(sys.modules, "timm", None)
    assert written() == first
    Path("params.local.yaml").write_text("finetune: {nets: {face: {model: resnet18}}}")
    with pytest.raises(ImportError):
        written()


def test_a_wrong_name_leaves_the_file_as_it_was():
    before = written()
    Path("params.local.yaml").write_text("spectral: {blocks: [nope]}")
    with pytest.raises(ParamsError, match="names nope"):
        effective_params.write()
    assert yaml.safe_load(Path("cache/params.yaml").read_text()) == before


def test_a_damaged_file_counts_as_none():
    Path("cache").mkdir()
    Path("cache/params.yaml").write_text("a: [")
    assert written()["train"]["folds"] == 3


@pytest.mark.parametrize(
    ("text", "file"), [("data: {weights: gone}", "params.local.yaml"), ("", "params.yaml")]
)
def test_a_mistake_is_that_of_the_file_which_sets_it(text, file):
    Path("params.local.yaml").write_text(text)
    Path("weights").rmdir()
    with pytest.raises(
        ParamsError, match=f"^{file}: key 'data.weights' is (gone|weights), which is not a folder"
    ):
        effective_params.write()
