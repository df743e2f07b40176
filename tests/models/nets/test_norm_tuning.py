"""Tuning of the norms alone: what changes, what stays to the last bit, and that it learns."""

import dataclasses

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file
from sklearn.metrics import roc_auc_score
from torch import nn

from models.errors import UserError
from models.nets.checkpoints import Checkpoint
from models.nets.face_net import FaceNet
from models.nets.net_spec import NetSpec
from models.nets.norm_tuning import train_norms_only
from models.nets.sampler import PairedSampler
from models.nets.training import Schedule, _Run, train_fold

SPEC = NetSpec(
    model="test_vit",
    model_args={"img_size": 32},
    input="rgb",
    crop="aligned",
    size=32,
    mean=(0.5, 0.5, 0.5),
    std=(0.25, 0.25, 0.25),
    origin="test",
    heads=("labelled",),
    normalise=True,
)
SAMPLER = PairedSampler(
    target=np.arange(64) % 2,
    groups=np.arange(64).astype(str),
    sources=np.full(64, "all"),
    heads=SPEC.heads,
    balance=0.5,
    seed=0,
)
SCHEDULE = Schedule(
    epochs=3,
    batch_size=16,
    learning_rate=1e-2,
    weight_decay=0.0,
    label_smoothing=0.0,
    freeze_layers=0,
    seed=0,
    workers=1,
    tune="norms",
    alignment=0.1,
    uniformity=0.5,
)


@pytest.fixture(scope="module")
def given():
    torch.manual_seed(3)
    return Checkpoint(timm.create_model(SPEC.model, **SPEC.model_args).state_dict(), "test")


def picture(draw, *, is_fake):
    """Noise; a fake is a little redder."""
    pixels = np.random.default_rng(draw).integers(0, 160, (32, 32, 3), dtype=np.uint8)
    pixels[..., 0] += np.uint8(40 * is_fake)
    return pixels


def pictures(pair):
    return picture(pair.draw, is_fake=False), picture(pair.draw, is_fake=True)


def train(folder, given, progress=lambda _: None, **changes):
    path = train_fold(
        pictures,
        SAMPLER,
        spec=SPEC,
        checkpoint=given,
        schedule=dataclasses.replace(SCHEDULE, **changes),
        device="cpu",
        folder=folder,
        progress=progress,
    )
    return load_file(path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, given):
    return train(tmp_path_factory.mktemp("once"), given)


def batch(n=6, seed=0):
    rng = np.random.default_rng(seed)
    pixels = torch.from_numpy(rng.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8))
    return pixels, torch.tensor([[0.0], [1.0]] * (n // 2))


def is_norm_or_classifier(name):
    return ".norm" in f".{name}" or name.startswith("head.")


def test_a_step_changes_the_norms_and_the_classifier_and_nothing_else(given):
    run = _Run(SPEC, given, SCHEDULE, device="cpu", steps=4)
    before = {k: v.clone() for k, v in run.net[1].state_dict().items()}
    run.step(*batch())
    for name, tensor in run.net[1].state_dict().items():
        assert torch.equal(tensor, before[name]) != is_norm_or_classifier(name), name


def test_a_whole_training_leaves_the_other_weights_as_they_were(given, trained):
    kept = {name for name in given.state if torch.equal(trained[name], given.state[name])}
    assert kept == {name for name in given.state if not is_norm_or_classifier(name)}
    assert any("attn.qkv" in name for name in kept) and "patch_embed.proj.weight" in kept


def test_all_weights_of_a_net_from_scratch_are_trained():
    run = _Run(SPEC, Checkpoint(None, "from scratch"), SCHEDULE, device="cpu", steps=4)
    assert all(weight.requires_grad for weight in run.net.parameters())


@pytest.mark.parametrize(
    ("model", "kinds"),
    [
        ("mobilenetv3_small_050", nn.BatchNorm2d),
        ("test_convnext", nn.LayerNorm),
        ("resnet10t", nn.BatchNorm2d),
        ("test_vit3", nn.LayerNorm),
    ],
)
def test_norms_of_other_families_are_found(model, kinds):
    backbone = timm.create_model(model, num_classes=1)
    train_norms_only(backbone)
    wanted = {id(w) for m in backbone.modules() if isinstance(m, kinds) for w in m.parameters()}
    wanted |= {id(w) for w in backbone.get_classifier().parameters()}
    assert {id(w) for w in backbone.parameters() if w.requires_grad} == wanted
    assert len(wanted) > 4


def test_both_classifiers_of_a_distilled_net_are_trained():
    backbone = timm.create_model("deit_tiny_distilled_patch16_224", num_classes=1, depth=1)
    train_norms_only(backbone)
    names = {name for name, weight in backbone.named_parameters() if weight.requires_grad}
    assert {"head.weight", "head_dist.weight", "norm.weight", "blocks.0.norm1.bias"} <= names
    assert "cls_token" not in names


def test_a_net_without_norms_is_refused():
    backbone = timm.create_model("test_vit", num_classes=1, norm_layer=nn.Identity)
    with pytest.raises(
        UserError, match="tune is norms, but VisionTransformer has no norm with weights; take"
    ):
        train_norms_only(backbone)


def test_it_learns_a_task_that_can_be_separated(tmp_path, given):
    weights = train(tmp_path, given, epochs=10)
    is_fake = np.arange(64) % 2 == 1
    shown = [picture(999 + draw, is_fake=fake) for draw, fake in enumerate(is_fake)]
    assert roc_auc_score(is_fake, FaceNet(SPEC, [weights])(shown)[:, 0]) > 0.9


def test_a_killed_run_ends_in_the_same_weights(tmp_path, given, trained):
    seen = []

    def stop_in_the_second_epoch(count):
        seen.append(count)
        if sum(seen) > 64 + 16:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, given, progress=stop_in_the_second_epoch)
    assert (tmp_path / "epoch.pt").is_file()
    again = train(tmp_path, given)
    assert again.keys() == trained.keys()
    assert all(torch.equal(again[name], trained[name]) for name in trained)


def test_each_loss_changes_what_is_learned(tmp_path, given, trained):
    for name in ("alignment", "uniformity"):
        other = train(tmp_path / name, given, **{name: 0.0})
        assert not torch.equal(other["norm.weight"], trained["norm.weight"])


def test_the_loss_is_the_sum_of_its_parts(given):
    """Doubling a weight adds that loss once more."""
    pixels, target = batch()
    x = pixels.permute(0, 3, 1, 2)
    totals = {}
    for weights in ((0, 0), (1, 0), (2, 0), (0, 1), (0, 2), (1, 1)):
        schedule = dataclasses.replace(SCHEDULE, alignment=float(weights[0]), uniformity=float(weights[1]))
        run = _Run(SPEC, given, schedule, device="cpu", steps=4)
        totals[weights] = float(run._loss(x, target).detach())
    align, spread = totals[1, 0] - totals[0, 0], totals[0, 1] - totals[0, 0]
    assert 0 < align < 4 and -8 < spread < 0
    assert totals[2, 0] == pytest.approx(totals[0, 0] + 2 * align, abs=1e-5)
    assert totals[0, 2] == pytest.approx(totals[0, 0] + 2 * spread, abs=1e-5)
    assert totals[1, 1] == pytest.approx(totals[0, 0] + align + spread, abs=1e-5)
