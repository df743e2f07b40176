"""Weights: found where they lie, refused with a reason, never a pickle, no network unless asked."""

import json
import pickle

import pytest
import timm
import torch
from safetensors.torch import save_file

from models.nets import checkpoints
from models.nets.checkpoints import WeightsError, find

MODEL = "mobilenetv3_small_050"


@pytest.fixture
def state():
    torch.manual_seed(0)
    made = timm.create_model(MODEL, num_classes=3).state_dict()
    for name, tensor in made.items():
        if name.endswith("running_mean"):
            tensor.normal_()
    return made


@pytest.fixture
def folder(tmp_path, state):
    save_file(state, tmp_path / f"{MODEL}.safetensors")
    facts = {"model_args": {}, "input_size": 96, "mean": [0.1, 0.2, 0.3], "std": [1, 1, 1]}
    (tmp_path / f"{MODEL}.json").write_text(json.dumps(facts))
    return tmp_path


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("the network was used")

    monkeypatch.setattr(checkpoints.urllib.request, "urlopen", refuse)


@pytest.mark.parametrize("asked", ["auto", "pretrained"])
def test_folder_comes_first(folder, state, asked):
    found = find(model=MODEL, weights=asked, folder=folder)
    assert found.size == 96
    assert found.mean == (0.1, 0.2, 0.3)
    assert found.origin.startswith(f"{MODEL}.safetensors sha256 ")
    torch.testing.assert_close(found.state["conv_stem.weight"], state["conv_stem.weight"])


def test_a_path_and_a_plain_pth_are_read(folder, state):
    torch.save(state, folder / "mine.pth")
    (folder / "mine.json").write_text("{}")
    found = find(model=MODEL, weights=str(folder / "mine.pth"), folder=folder / "nowhere")
    torch.testing.assert_close(found.state["conv_stem.weight"], state["conv_stem.weight"])


def test_auto_without_weights_is_from_scratch_and_uses_no_network(tmp_path):
    found = find(model=MODEL, weights="auto", folder=tmp_path)
    assert found.state is None
    assert "from scratch" in found.origin
    assert MODEL in found.origin


def test_none_ignores_the_folder(folder):
    assert find(model=MODEL, weights="none", folder=folder).state is None


def test_pretrained_without_weights_says_what_to_do_after_one_attempt(tmp_path, monkeypatch):
    attempts = []

    def offline(request, timeout):
        attempts.append(timeout)
        raise OSError("no route")

    monkeypatch.setattr(checkpoints.urllib.request, "urlopen", offline)
    with pytest.raises(WeightsError, match=f"put {MODEL}.safetensors and {MODEL}.json there"):
        find(model=MODEL, weights="pretrained", folder=tmp_path)
    assert len(attempts) == 1
    assert attempts[0] <= 10


def test_missing_json_is_named(folder):
    (folder / f"{MODEL}.json").unlink()
    with pytest.raises(WeightsError, match=f"{MODEL}.json is missing beside it"):
        find(model=MODEL, weights="auto", folder=folder)


def test_missing_path_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"nope.pth is not a file; allowed are none, auto"):
        find(model=MODEL, weights=str(tmp_path / "nope.pth"), folder=tmp_path)


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
