"""The classifier on unit features: what it sees has length 1, in training, when scoring, and after saving."""

import dataclasses

import numpy as np
import pytest
import timm
import torch

from models.errors import UserError
from models.nets.build import build
from models.nets.checkpoints import Checkpoint
from models.nets.face_net import FaceNet
from models.nets.initialisation import initialise
from models.nets.net_spec import NetSpec
from models.nets.unit_classifier import UnitLinear, logits_and_features, normalise_classifier, unit

SPEC = NetSpec(
    model="test_vit",
    model_args={"img_size": 32},
    input="rgb",
    crop="aligned",
    size=32,
    mean=(0.5, 0.5, 0.5),
    std=(0.25, 0.25, 0.25),
    origin="test",
    heads=("labelled", "blend"),
    normalise=True,
)
SCRATCH = Checkpoint(state=None, origin="from scratch")
FAMILIES = [
    ("test_vit", {"img_size": 32}),
    ("test_vit2", {"img_size": 32}),
    ("test_vit3", {"img_size": 32}),
    ("mobilenetv3_small_050", {}),
    ("resnet10t", {}),
    ("test_convnext", {}),
]


def crops(n, seed=0):
    return list(np.random.default_rng(seed).integers(0, 256, (n, 32, 32, 3), dtype=np.uint8))


def pixels(n):
    return torch.from_numpy(np.stack(crops(n))).permute(0, 3, 1, 2)


def sharp(spec, seed=0):
    """A net whose logits differ by more than rounding."""
    net = initialise(spec, SCRATCH, seed=seed).eval()
    with torch.no_grad():
        net[1].get_classifier().weight.mul_(100)
    return net


@pytest.mark.parametrize(("model", "model_args"), FAMILIES)
def test_logits_are_those_of_features_of_length_1(model, model_args):
    spec = dataclasses.replace(SPEC, model=model, model_args=model_args)
    net, plain = sharp(spec), sharp(dataclasses.replace(spec, normalise=False))
    plain[1].load_state_dict(net[1].state_dict(), strict=True)
    classifier = net[1].get_classifier()
    with torch.no_grad():
        logits, features = logits_and_features(net, pixels(5))
        torch.testing.assert_close(logits, net(pixels(5)), rtol=0, atol=0)
        _, same = logits_and_features(plain, pixels(5))
        torch.testing.assert_close(features.norm(dim=1), torch.ones(5))
        torch.testing.assert_close(features, same)
        torch.testing.assert_close(logits, features @ classifier.weight.T + classifier.bias)
    assert not classifier._forward_pre_hooks


def test_the_length_of_a_feature_changes_no_logit():
    layer = UnitLinear(3, 2)
    x = torch.tensor([[1.0, 2.0, -2.0]])
    torch.testing.assert_close(layer(x), layer(x * 1000))
    assert not torch.equal(layer(x), layer(-x))
    torch.testing.assert_close(unit(x), x / 3)
    assert torch.equal(layer(torch.zeros(1, 3))[0], layer.bias)


def test_saved_and_read_again_it_gives_the_same_logits(tmp_path):
    net = sharp(SPEC)
    state = {k: v.clone() for k, v in net[1].state_dict().items()}
    with torch.inference_mode():
        expected = ((net(pixels(11)) + net(pixels(11).flip(3))) / 2).numpy()
    FaceNet.save(tmp_path, SPEC, [state])
    again = FaceNet.load(tmp_path)
    assert again.spec == SPEC
    rows = again(crops(11))
    np.testing.assert_array_equal(rows, FaceNet(SPEC, [state])(crops(11)))
    np.testing.assert_allclose(rows, expected, atol=1e-4 * np.ptp(expected))
    plain = FaceNet(dataclasses.replace(SPEC, normalise=False), [state])(crops(11))
    assert np.abs(plain - rows).max() > 0.1 * np.ptp(expected)


def test_without_it_a_net_is_as_timm_makes_it():
    spec = dataclasses.replace(SPEC, normalise=False)
    assert type(build(spec)[1].get_classifier()) is torch.nn.Linear
    torch.manual_seed(0)
    ours = build(spec)[1].state_dict()
    torch.manual_seed(0)
    theirs = timm.create_model("test_vit", num_classes=2, img_size=32).state_dict()
    assert all(torch.equal(ours[k], theirs[k]) for k in theirs)


@pytest.mark.parametrize(
    ("model", "heads", "kind"),
    [
        ("deit_tiny_distilled_patch16_224", ("labelled",), "tuple"),
        ("test_vit", (), "Identity"),
    ],
)
def test_a_net_without_one_linear_classifier_is_refused(model, heads, kind):
    spec = dataclasses.replace(SPEC, model=model, model_args={}, heads=heads)
    message = (
        rf"normalise needs a net whose classifier is one linear layer, .* of type {kind}; take another model"
    )
    with pytest.raises(UserError, match=message):
        build(spec)


def test_a_layer_without_bias_stays_without():
    backbone = timm.create_model("test_vit", num_classes=1, img_size=32)
    backbone.head = torch.nn.Linear(64, 1, bias=False)
    normalise_classifier(backbone)
    assert isinstance(backbone.head, UnitLinear) and backbone.head.bias is None
