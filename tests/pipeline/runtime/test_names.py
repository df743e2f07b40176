"""Names and paths of the settings are compared with what there is, all at once."""

from pathlib import Path

import pytest
import yaml

from pipeline.runtime.names import check_names
from pipeline.runtime.params import ParamsError, combine

ROOT = Path(__file__).parents[3]


def settings(tmp_path, **overlay):
    overlay.setdefault("data", {"root": str(tmp_path), "weights": str(tmp_path)})
    raw = yaml.safe_load((ROOT / "params.yaml").read_text())
    raw["embed"]["backbones"] = {"small": {"model": "mobilenetv3_small_050"}}
    return combine(raw, overlay, overlay_name="my.yaml")


def test_the_shipped_names_are_right(tmp_path):
    check_names(settings(tmp_path), {})


@pytest.mark.parametrize(
    ("overlay", "message"),
    [
        ({"data": {"root": "gone", "weights": "."}}, "key 'data.root' is gone, which is not a folder"),
        ({"data": {"root": ".", "weights": "gone"}}, "key 'data.weights' is gone, which is not a folder"),
        (
            {"spectral": {"blocks": ["radial", "radail"]}},
            "'spectral.blocks' names radail; allowed are angular, .*radial",
        ),
        ({"spectral": {"blocks": ["radial", "radial"]}}, "'spectral.blocks' names radial twice"),
        (
            {"train": {"blocks": ["face", "net_fase"]}},
            "'train.blocks' names net_fase; allowed are face, .*net_face",
        ),
        (
            {"variants": {"pseudo_fakes": {"blnd": 1}}},
            "'variants.pseudo_fakes' names blnd; allowed are blend",
        ),
        (
            {"finetune": {"nets": {"face": {"heads": ["labeled"]}}}},
            "'finetune.nets.face.heads' names labeled; allowed are labelled, blend",
        ),
        (
            {"finetune": {"nets": {"face": {"model": "resnet999"}}}},
            "'finetune.nets.face.model' is resnet999, which timm does not know; near it are resnet",
        ),
        (
            {"embed": {"backbones": {"small": {"model": "convnext_tiny.in1kk"}}}},
            "'embed.backbones.small.model' is convnext_tiny.in1kk, whose tag .* allowed are .*convnext_tiny.fb_in1k",
        ),
        (
            {"finetune": {"nets": {"face": {"weights": "gone.pth"}}}},
            "'finetune.nets.face.weights' is gone.pth, which is not a file; allowed are none, auto, pretrained or",
        ),
    ],
)
def test_a_wrong_name_is_refused_with_the_right_ones(tmp_path, overlay, message):
    with pytest.raises(ParamsError, match=message):
        check_names(settings(tmp_path, **overlay), {})


def test_a_checkpoint_without_its_json_is_refused(tmp_path):
    path = tmp_path / "net.safetensors"
    path.touch()
    with pytest.raises(ParamsError, match="net.json is not beside it"):
        check_names(settings(tmp_path, finetune={"nets": {"face": {"weights": str(path)}}}), {})


def test_every_mistake_is_listed(tmp_path):
    wrong = {"spectral": {"blocks": ["nope"]}, "train": {"blocks": ["nope2"]}}
    with pytest.raises(ParamsError) as error:
        check_names(settings(tmp_path, **wrong), {})
    assert len(str(error.value).splitlines()) == 2


def test_a_model_that_was_checked_before_is_not_checked_again(tmp_path):
    wrong = settings(tmp_path, finetune={"nets": {"face": {"model": "resnet999"}}})
    check_names(wrong, {}, known_models={"resnet999", "mobilenetv2_100", "mobilenetv3_small_050"})


def test_a_set_that_will_be_drawn_may_be_absent(tmp_path):
    absent = settings(tmp_path, data={"root": "data/demo-none", "weights": str(tmp_path)})
    check_names(absent, {}, to_be_drawn=Path("data/demo-none"))
