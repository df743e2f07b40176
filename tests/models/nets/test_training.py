"""Fine-tuning: learns, repeats, resumes in the same weights; what is saved is the moving average."""

import os

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file

from models.errors import UserError
from models.nets.checkpoints import Checkpoint
from models.nets.face_net import FaceNet
from models.nets.net_spec import NetSpec
from models.nets.sampler import PairedSampler
from models.nets.training import EMA_DECAY, Schedule, _Run, head_weights, train_fold

SPEC = NetSpec(
    model="test_efficientnet",
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


SAMPLER = PairedSampler(
    target=TARGET.astype(np.int64),
    groups=np.arange(48).astype(str),
    sources=np.full(48, "all"),
    heads=SPEC.heads,
    balance=0.5,
    seed=0,
)


def picture(kind, draw):
    """Noise; a labelled fake is reddish, a blend bluish."""
    rng = np.random.default_rng(draw)
    pixels = rng.integers(0, 120, (32, 32, 3), dtype=np.uint8)
    pixels[..., 0] += np.uint8(120 * (kind == "labelled"))
    pixels[..., 2] += np.uint8(120 * (kind == "blend"))
    return pixels


def pictures(pair):
    return picture("real", pair.draw), picture(pair.kind, pair.draw)


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
        pictures,
        SAMPLER,
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
    kinds = np.array(["real", "labelled", "real", "blend"] * 12)
    logits = FaceNet(SPEC, [weights])([picture(kind, 999 + draw) for draw, kind in enumerate(kinds)])
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

    def refuse(sample):
        raise AssertionError("an image was read")

    path = train_fold(
        refuse,
        SAMPLER,
        spec=SPEC,
        checkpoint=SCRATCH,
        schedule=schedule(),
        device="cpu",
        folder=tmp_path,
        progress=lambda _: None,
    )
    assert same(load_file(path), trained)


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
    frozen = {name for name in start if name.startswith(("conv_stem.", "bn1.", "blocks.0."))}
    assert {"bn1.running_mean", "blocks.0.0.bn1.num_batches_tracked"} <= frozen <= kept
    assert not kept & {"blocks.1.0.conv_pw.weight", "conv_head.weight", "blocks.1.0.bn1.running_mean"}
    whole = train(tmp_path / "all", checkpoint=given, epochs=1)
    assert not torch.equal(whole["conv_stem.weight"], start["conv_stem.weight"])


def test_a_backbone_from_scratch_trains_whole(tmp_path, trained):
    assert same(train(tmp_path, freeze_layers=2), trained)


def test_a_backbone_that_would_not_train_is_refused(tmp_path):
    given = Checkpoint(state=timm.create_model(SPEC.model).state_dict(), origin="test")
    with pytest.raises(UserError, match="freeze_layers is 99, but the backbone has"):
        train(tmp_path, checkpoint=given, freeze_layers=99, epochs=1)


def test_the_saved_weights_can_be_read_by_whom_the_umask_lets(tmp_path):
    before = os.umask(0o022)
    try:
        train(tmp_path, epochs=1)
    finally:
        os.umask(before)
    assert (tmp_path / "weights.safetensors").stat().st_mode & 0o777 == 0o644


def batch(n):
    rng = np.random.default_rng(n)
    pixels = torch.from_numpy(rng.integers(0, 256, (6, 32, 32, 3), dtype=np.uint8))
    kinds = ("labelled", "blend", "labelled")
    return pixels, torch.tensor([goal for kind in kinds for goal in SAMPLER.goals(kind)])


def test_the_average_warms_up_and_takes_in_batch_norm_statistics():
    """After n steps it keeps min(0.998, (1 + n) / (10 + n)) of what it was, tensor by tensor."""
    run = _Run(SPEC, SCRATCH, schedule(), device="cpu", steps=4)
    expected = {k: v.clone() for k, v in run.net.state_dict().items()}
    for n in range(1, 5):
        run.step(*batch(n))
        keep = min(EMA_DECAY, (1 + n) / (10 + n))
        for name, tensor in run.net.state_dict().items():
            old = expected[name]
            expected[name] = (
                keep * old + (1 - keep) * tensor if tensor.is_floating_point() else tensor.clone()
            )
    average = run.average.module.state_dict()
    torch.testing.assert_close(average, expected)
    assert int(average["1.bn1.num_batches_tracked"]) == 4
    assert not torch.equal(average["1.bn1.running_mean"], run.net.state_dict()["1.bn1.running_mean"])
    assert run.average.get_decay(10**6) == EMA_DECAY


def test_an_interrupted_run_restores_net_average_and_optimiser(tmp_path):
    first, second = (_Run(SPEC, SCRATCH, schedule(seed=s), device="cpu", steps=4) for s in (0, 1))
    first.step(*batch(1))
    first.save(tmp_path / "epoch.pt", epoch=1)
    assert second.restore(tmp_path / "epoch.pt") == 1
    for run in (first, second):
        run.step(*batch(2))
    assert same(first.net.state_dict(), second.net.state_dict())
    assert same(first.average.module.state_dict(), second.average.module.state_dict())


def test_frozen_statistics_outlast_an_interruption(tmp_path):
    torch.manual_seed(3)
    start = timm.create_model(SPEC.model).state_dict()
    given = Checkpoint(state=start, origin="test")
    first, second = (
        _Run(SPEC, given, schedule(seed=s, freeze_layers=2), device="cpu", steps=4) for s in (0, 1)
    )
    first.step(*batch(1))
    first.save(tmp_path / "epoch.pt", epoch=1)
    second.restore(tmp_path / "epoch.pt")
    second.net.train()
    for run in (first, second):
        run.step(*batch(2))
    for net in (first.net, second.net, second.average.module):
        for name in ("bn1.running_mean", "bn1.running_var", "blocks.0.0.bn1.running_var"):
            assert torch.equal(net[1].state_dict()[name], start[name]), name
    assert same(first.net.state_dict(), second.net.state_dict())
    assert same(first.average.module.state_dict(), second.average.module.state_dict())


def test_only_kernels_and_matrices_decay():
    run = _Run(SPEC, SCRATCH, schedule(weight_decay=0.5), device="cpu", steps=4)
    decays = {id(p): group["weight_decay"] for group in run.optimiser.param_groups for p in group["params"]}
    parameters = dict(run.net.named_parameters())
    assert len(decays) == len(parameters)
    for name, parameter in parameters.items():
        assert decays[id(parameter)] == (0.5 if parameter.ndim > 1 else 0.0), name
