"""Fine-tuning: learns, repeats, resumes in the same weights, and its short cuts change no number."""

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file

from models.errors import UserError
from models.nets.checkpoints import Checkpoint
from models.nets.face_net import FaceNet, NetSpec
from models.nets.layers import densify_strided_depthwise
from models.nets.sampler import PairedSampler
from models.nets.training import Schedule, head_weights, train_fold

SPEC = NetSpec(
    model="mobilenetv3_small_050",
    model_args={},
    input="rgb",
    crop="aligned",
    size=32,
    mean=(0.5, 0.5, 0.5),
    std=(0.25, 0.25, 0.25),
    origin="test",
    heads=("labelled", "blend"),
)
SCRATCH = Checkpoint(state=None, origin="from scratch")
TARGET = (np.arange(48) % 2).astype(np.float32)


LESSONS = PairedSampler(
    target=TARGET.astype(np.int64),
    groups=np.arange(48).astype(str),
    sources=np.full(48, "all"),
    heads=SPEC.heads,
    balance=0.5,
    seed=0,
)


def sample(visit):
    """Noise; a labelled fake is reddish, a blend bluish."""
    rng = np.random.default_rng(visit.draw)
    picture = rng.integers(0, 120, (32, 32, 3), dtype=np.uint8)
    picture[..., 0] += np.uint8(120 * (visit.kind == "labelled"))
    picture[..., 2] += np.uint8(120 * (visit.kind == "blend"))
    return picture


def schedule(**changes):
    settings = {
        "epochs": 3,
        "batch_size": 12,
        "learning_rate": 3e-3,
        "weight_decay": 0.01,
        "label_smoothing": 0.05,
        "freeze_layers": 0,
        "seed": 0,
        "workers": 1,
    }
    return Schedule(**{**settings, **changes})


def train(folder, progress=lambda _: None, checkpoint=SCRATCH, **changes):
    path = train_fold(
        sample,
        LESSONS,
        spec=SPEC,
        checkpoint=checkpoint,
        schedule=schedule(**changes),
        device="cpu",
        folder=folder,
        progress=progress,
    )
    return load_file(path)


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return train(tmp_path_factory.mktemp("once"))


def test_each_head_learns_its_own_kind(tmp_path):
    weights = train(tmp_path, epochs=12)
    shown = LESSONS.epoch(99)
    logits = FaceNet(SPEC, [weights])([sample(visit) for visit in shown])
    kinds = np.array([visit.kind for visit in shown])
    for head, name in enumerate(SPEC.heads):
        assert logits[kinds == name, head].mean() > logits[kinds == "real", head].mean() + 0.5


def test_training_twice_gives_the_same_weights_whatever_decodes(tmp_path, trained):
    assert same(train(tmp_path, workers=3), trained)


def test_another_seed_gives_other_weights(tmp_path, trained):
    assert not same(train(tmp_path, seed=1), trained)


def test_a_killed_run_goes_on_after_its_last_epoch_and_ends_alike(tmp_path, trained):
    seen = []

    def stop_in_the_second_epoch(count):
        seen.append(count)
        if sum(seen) > 48 + 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, progress=stop_in_the_second_epoch)
    assert (tmp_path / "epoch.pt").is_file()
    again = []
    assert same(train(tmp_path, progress=again.append), trained)
    assert again[0] == 48
    assert sum(again) == 3 * 48
    assert not (tmp_path / "epoch.pt").exists()


def test_a_finished_fold_is_not_trained_again(tmp_path, trained):
    train(tmp_path)

    def refuse(visit):
        raise AssertionError("an image was read")

    path = train_fold(
        refuse,
        LESSONS,
        spec=SPEC,
        checkpoint=SCRATCH,
        schedule=schedule(),
        device="cpu",
        folder=tmp_path,
        progress=lambda _: None,
    )
    assert same(load_file(path), trained)


@pytest.mark.parametrize(("model", "size"), [("mobilenetv2_100", 64), ("mobilenetv2_100", 75)])
@pytest.mark.parametrize("arguments", [{}, {"pad_type": "same"}])
def test_quickened_convolutions_give_the_same_numbers_and_gradients(model, size, arguments):
    torch.manual_seed(0)
    plain = timm.create_model(model, num_classes=1, **arguments).eval().double()
    quick = timm.create_model(model, num_classes=1, **arguments).eval().double()
    quick.load_state_dict(plain.state_dict())
    densify_strided_depthwise(quick)
    assert any("forward" in vars(m) for m in quick.modules())
    outputs, gradients = [], []
    for net in (plain, quick):
        x = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(1)).double().requires_grad_()
        out = net(x)
        out.sum().backward()
        outputs.append(out.detach())
        gradients.append(x.grad)
    torch.testing.assert_close(*outputs, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-12)


def test_head_weights_balance_classes_and_heads_and_leave_out_what_says_nothing():
    nan = np.nan
    target = torch.tensor([[0, 0], [0, 0], [0, 0], [1, nan], [nan, 1], [nan, 1]], dtype=torch.float32)
    weight = head_weights(target)
    assert weight.sum() == pytest.approx(1)
    assert (weight[target.isnan()] == 0).all()
    for head in (0, 1):
        own = weight[:, head]
        assert own.sum() == pytest.approx(0.5)
        assert own[target[:, head] == 1].sum() == pytest.approx(0.25)


def test_frozen_groups_keep_their_weights_and_the_others_learn(tmp_path):
    torch.manual_seed(3)
    start = timm.create_model(SPEC.model).state_dict()
    given = Checkpoint(state=start, origin="test")
    weights = train(tmp_path / "some", checkpoint=given, freeze_layers=2, epochs=1)
    kept = {name for name in weights if name in start and torch.equal(weights[name], start[name])}
    assert {"conv_stem.weight", "bn1.weight", "blocks.0.0.conv_dw.weight"} <= kept
    assert not kept & {"blocks.1.0.conv_pw.weight", "conv_head.weight", "bn1.running_mean"}
    whole = train(tmp_path / "all", checkpoint=given, epochs=1)
    assert not torch.equal(whole["conv_stem.weight"], start["conv_stem.weight"])


def test_a_backbone_from_scratch_trains_whole(tmp_path, trained):
    assert same(train(tmp_path, freeze_layers=2), trained)


def test_a_backbone_that_would_not_train_is_refused(tmp_path):
    given = Checkpoint(state=timm.create_model(SPEC.model).state_dict(), origin="test")
    with pytest.raises(UserError, match="freeze_layers is 99, but the backbone has"):
        train(tmp_path, checkpoint=given, freeze_layers=99, epochs=1)
