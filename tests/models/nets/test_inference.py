"""A net compiled for inference gives the numbers of the net as it is; what torch cannot compile still runs."""

import dataclasses

import numpy as np
import pytest
import torch

from models.nets.build import build
from models.nets.checkpoints import Checkpoint
from models.nets.face_net import FaceNet
from models.nets.inference import compile_for_inference
from models.nets.initialisation import initialise
from models.nets.net_spec import NetSpec

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


@pytest.mark.parametrize("openvino", [True, False])
@pytest.mark.parametrize("kind", ["rgb", "npr", "highpass"])
def test_folding_changes_rows_by_rounding_only(kind, openvino):
    spec = dataclasses.replace(SPEC, input=kind)
    state = initialise(spec, Checkpoint(None, "test"), seed=3)[1].state_dict()
    statistics = np.random.default_rng(0)
    for name, tensor in state.items():
        if name.endswith("running_var"):
            tensor.copy_(torch.from_numpy(statistics.uniform(0.5, 2, tensor.shape)))
        if name == "classifier.weight":
            tensor.mul_(100)
    pictures = crops(8)
    net = build(spec, state).eval()
    x = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
    with torch.inference_mode():
        plain = ((net(x) + net(x.flip(3))) / 2).numpy()
    rows = FaceNet(spec, [state], openvino=openvino)(pictures)
    assert np.ptp(plain[:, 0]) > 1e-2
    np.testing.assert_allclose(rows, plain, atol=1e-3 * np.ptp(plain[:, 0]))


def test_a_net_that_cannot_be_traced_still_scores():
    class Untraceable(torch.nn.Module):
        def forward(self, x):
            if torch.jit.is_tracing():
                raise RuntimeError("control flow")
            return x.float().mean((1, 2, 3), keepdim=True)

    example = torch.zeros((2, 3, 4, 4), dtype=torch.uint8)
    net = torch.nn.Sequential(torch.nn.Identity(), Untraceable())
    (member,) = compile_for_inference(net, [net[1].state_dict()], example)
    assert float(member(example + 3).mean()) == 3.0


def test_each_state_gives_its_member():
    net = torch.nn.Sequential(torch.nn.Identity(), torch.nn.Linear(2, 1, bias=False)).eval()
    states = [{"weight": torch.tensor([[1.0, 0.0]])}, {"weight": torch.tensor([[0.0, 3.0]])}]
    x = torch.tensor([[5.0, 7.0]])
    with torch.inference_mode():
        outputs = [float(member(x)) for member in compile_for_inference(net, states, x)]
    assert outputs == [5.0, 21.0]
