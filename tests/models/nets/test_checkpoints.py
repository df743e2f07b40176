"""Weights: found where they lie, refused with a reason, never a pickle, no network unless asked."""

import json
import pickle

import pytest
import timm
import torch
from huggingface_hub import constants
from safetensors.torch import save_file

from models.nets import checkpoints
from models.nets.checkpoints import find, misfits, require_model
from models.nets.packaged import WeightsError

MODEL = "mobilenetv3_small_050"
BARE = "mobilenetv2_035"  # timm has no weights of it


@pytest.fixture
def state():
    torch.manual_seed(0)
    tensors = timm.create_model(MODEL, num_classes=3).state_dict()
    for name, tensor in tensors.items():
        if name.endswith("running_mean"):
            tensor.normal_()
    return tensors


@pytest.fixture
def folder(tmp_path, state):
    save_file(state, tmp_path / f"{MODEL}.safetensors")
    facts = {"model_args": {}, "input_size": 96, "mean": [0.1, 0.2, 0.3], "std": [1, 1, 1]}
    (tmp_path / f"{MODEL}.json").write_text(json.dumps(facts))
    return tmp_path


@pytest.fixture(autouse=True)
def no_network(monkeypatch, tmp_path_factory):
    """An empty cache of the hub, and no way to the hub itself."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path_factory.mktemp("hub")))

    def refuse(*arguments):
        raise AssertionError("the network was used")

    monkeypatch.setattr(checkpoints, "hf_hub_download", refuse)


@pytest.mark.parametrize("weights", ["auto", "pretrained"])
def test_folder_comes_first(folder, state, weights):
    checkpoint = find(model=MODEL, weights=weights, folder=folder)
    assert checkpoint.size == 96
    assert checkpoint.mean == (0.1, 0.2, 0.3)
    assert checkpoint.origin.startswith(f"{MODEL}.safetensors sha256 ")
    torch.testing.assert_close(checkpoint.state["conv_stem.weight"], state["conv_stem.weight"])


def test_a_path_and_a_plain_pth_are_read(folder, state):
    torch.save(state, folder / "mine.pth")
    (folder / "mine.json").write_text("{}")
    checkpoint = find(model=MODEL, weights=str(folder / "mine.pth"), folder=folder / "nowhere")
    torch.testing.assert_close(checkpoint.state["conv_stem.weight"], state["conv_stem.weight"])


def test_auto_without_weights_is_from_scratch_and_uses_no_network(tmp_path):
    checkpoint = find(model=MODEL, weights="auto", folder=tmp_path)
    assert checkpoint.state is None
    assert "from scratch" in checkpoint.origin
    assert MODEL in checkpoint.origin


def test_none_ignores_the_folder(folder):
    assert find(model=MODEL, weights="none", folder=folder).state is None


@pytest.mark.parametrize("weights", ["none", "auto", "pretrained", "some.pth"])
def test_a_model_that_timm_does_not_know_is_refused_whatever_the_weights(tmp_path, weights):
    with pytest.raises(WeightsError, match=r"timm .* has no model 'resnet999'; names like it: .*resnet\d"):
        find(model="resnet999", weights=weights, folder=tmp_path)


def test_a_name_like_none_of_timm_is_refused_too():
    with pytest.raises(WeightsError, match=r"has no model '---'; timm.list_models\(\) lists its names"):
        require_model("---")


def test_a_tag_may_be_given_and_must_be_one_of_the_model():
    require_model("resnet50.a1_in1k")
    with pytest.raises(WeightsError, match="no weights 'a9' of resnet50; allowed are .*a1_in1k"):
        require_model("resnet50.a9")


def test_misfits_name_what_is_missing_unknown_or_of_another_shape():
    expected = {"a": torch.zeros(2), "b": torch.zeros(3), "c": torch.zeros(1)}
    given = {"a": torch.zeros(2), "b": torch.zeros(4), "d": torch.zeros(1)}
    assert misfits(expected, given) == [
        "c is missing",
        "d is unknown",
        "b has shape (4,) instead of (3,)",
    ]
    assert misfits(expected, expected) == []


def test_a_model_without_pretrained_weights_is_said_to_have_none(tmp_path):
    with pytest.raises(
        WeightsError, match=f"timm names no pretrained ones on the hub; put {BARE}.safetensors"
    ):
        find(model=BARE, weights="pretrained", folder=tmp_path)
    assert find(model=BARE, weights="auto", folder=tmp_path).state is None


def test_missing_json_is_named(folder):
    (folder / f"{MODEL}.json").unlink()
    with pytest.raises(WeightsError, match=f"{MODEL}.json is missing beside it"):
        find(model=MODEL, weights="auto", folder=folder)


def test_missing_path_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"nope.pth is not a file; allowed are none, auto"):
        find(model=MODEL, weights=str(tmp_path / "nope.pth"), folder=tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_damaged_file_is_named(folder, share):
    path = folder / f"{MODEL}.safetensors"
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(WeightsError, match=f"{MODEL}.safetensors cannot be read: "):
        find(model=MODEL, weights="auto", folder=folder)


class Evil:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was loaded",))


def test_a_pickle_is_refused(folder):
    (folder / "evil.pth").write_bytes(pickle.dumps(Evil(), protocol=2))
    torch.save({"x": Evil()}, folder / "evil2.pth")
    for name in ("evil", "evil2"):
        (folder / f"{name}.json").write_text("{}")
        with pytest.raises(WeightsError, match="cannot be read"):
            find(model=MODEL, weights=str(folder / f"{name}.pth"), folder=folder)


def test_folded_batch_norm_is_refused(folder, state):
    for name, tensor in state.items():
        if name.endswith("running_mean"):
            tensor.zero_()
        if name.endswith("running_var"):
            tensor.fill_(1)
    save_file(state, folder / f"{MODEL}.safetensors")
    with pytest.raises(WeightsError, match="folded into the convolutions"):
        find(model=MODEL, weights="auto", folder=folder)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (
            '{"model_args": {"checkpoint_path": "/etc/passwd"}}',
            "model_args: .*'checkpoint_path' is not let through",
        ),
        ('{"input_size": "large"}', "input_size: .*integer"),
        ('{"std": [1, 0, 1]}', "std.1: .*greater than 0"),
        ("[]", "the whole file: "),
        ("\xff", "the whole file: "),
    ],
)
def test_facts_that_no_net_can_have_are_named(folder, facts, message):
    (folder / f"{MODEL}.json").write_text(facts)
    with pytest.raises(WeightsError, match=f"{MODEL}.json beside it: {message}"):
        find(model=MODEL, weights="auto", folder=folder)
