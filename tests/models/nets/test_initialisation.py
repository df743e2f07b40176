"""What a net starts from: the backbone of its checkpoint, never its classifier, and no opinion."""

import dataclasses

import numpy as np
import pytest
import torch

from models.nets.build import build
from models.nets.checkpoints import Checkpoint
from models.nets.initialisation import backbone_state, initialise
from models.nets.net_spec import NetSpec
from models.nets.packaged import WeightsError

SPEC = NetSpec(
    model="mobilenetv3_small_050",
    model_args={},
    input="rgb",
    crop="aligned",
    size=64,
    mean=(0.5, 0.4, 0.3),
    std=(0.5, 0.25, 0.2),
    origin="test",
    heads=("labelled", "blend"),
)


def crops(n, size=64, seed=0):
    return list(np.random.default_rng(seed).integers(0, 256, (n, size, size, 3), dtype=np.uint8))


def test_initialise_takes_the_backbone_and_leaves_the_head():
    given = build(dataclasses.replace(SPEC, heads=()))[1].state_dict()
    checkpoint = Checkpoint(state={**given, "classifier.weight": torch.zeros(7, 1024)}, origin="x")
    net = initialise(SPEC, checkpoint, seed=0)[1].state_dict()
    for name, tensor in given.items():
        torch.testing.assert_close(net[name], tensor, rtol=0, atol=0)
    assert net["classifier.weight"].abs().sum() > 0


def test_initialise_refuses_weights_of_another_net():
    with pytest.raises(
        WeightsError,
        match=r"do not fit the net in \d+ tensors, first: conv_stem.weight is missing; check model and",
    ):
        initialise(SPEC, Checkpoint(state={"conv.weight": torch.zeros(1)}, origin="x"), seed=0)


@pytest.mark.parametrize("model", ["mobilenetv2_035", "resnet10t"])
def test_a_net_starts_undecided(model):
    """timm gives one logit over 1,280 features weights of U(-1, 1) in some families: a loss of 2 at the start."""
    spec = dataclasses.replace(SPEC, model=model, heads=("labelled",))
    net = initialise(spec, Checkpoint(state=None, origin="from scratch"), seed=0)
    with torch.no_grad():
        logits = net(torch.from_numpy(np.stack(crops(16))).permute(0, 3, 1, 2))
    assert 0 < float(logits.abs().max()) < 0.5


def test_the_seed_draws_what_no_checkpoint_gives():
    scratch = Checkpoint(state=None, origin="from scratch")
    first, again, other = (initialise(SPEC, scratch, seed=s)[1].state_dict() for s in (0, 0, 1))
    assert all(torch.equal(first[k], again[k]) for k in first)
    assert not torch.equal(first["conv_stem.weight"], other["conv_stem.weight"])


def test_a_tensor_of_another_shape_is_named():
    net = build(SPEC)
    state = net[1].state_dict() | {"conv_stem.weight": torch.zeros(1, 3, 3, 3)}
    message = r"\(mine\) do not fit the net in 1 tensors, first: conv_stem.weight has shape \(1, 3, 3, 3\) instead of"
    with pytest.raises(WeightsError, match=message):
        backbone_state(net, Checkpoint(state=state, origin="mine"))
