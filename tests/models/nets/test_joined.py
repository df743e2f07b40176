"""Nets as one: what they share is computed once, and each keeps its own numbers."""

import dataclasses

import numpy as np
import pytest
import torch

from models import cpu_engine
from models.nets import openvino_net
from models.nets.build import build
from models.nets.face_net import FaceNet, graph_of
from models.nets.joined import _share, join
from models.nets.layers import freeze_layers
from models.nets.saved_weights import SavedWeights
from tests.models.nets.small_net import SPEC, crops


def weights(seed, *, spec=SPEC, frozen=0):
    """Weights that differ from seed to seed but for the first layer groups, as after training."""
    torch.manual_seed(0)
    backbone = build(spec)[1].train()
    freeze_layers(backbone, groups=frozen)
    kept = [name for name, module in backbone.named_modules() if name and not module.training]
    draw = torch.Generator().manual_seed(seed)
    for name, tensor in backbone.state_dict().items():
        if not name.startswith(tuple(f"{module}." for module in kept)) and tensor.is_floating_point():
            tensor.add_(0.1 * torch.rand(tensor.shape, generator=draw))
    return SavedWeights.of(str(seed), backbone.state_dict())


def convolutions(model):
    return sum("Convolution" in operation.get_type_name() for operation in model.get_ordered_ops())


def test_frozen_layers_are_computed_once():
    alone = convolutions(join([graph_of(SPEC, weights(0))]))
    shared = []
    for frozen in (0, 1, 3):  # none, the stem, two stages more
        joined = join([graph_of(SPEC, weights(seed, frozen=frozen)) for seed in (1, 2, 3)])
        shared.append((3 * alone - convolutions(joined)) / 2)
    assert shared[:2] == [0, 1]
    assert 1 < shared[2] < alone


def test_rows_are_the_mean_of_the_nets_alone():
    pictures = crops(4)
    nets = [weights(seed, frozen=2) for seed in (1, 2, 3)]
    alone = np.stack([FaceNet(SPEC, [one])(pictures) for one in nets])
    assert len(np.unique(alone[:, 0, 0])) == 3
    np.testing.assert_allclose(FaceNet(SPEC, nets)(pictures), alone.mean(axis=0), rtol=1e-6)


def test_nets_that_are_the_same_are_one():
    same = graph_of(SPEC, weights(1))
    assert convolutions(join([same, same])) == convolutions(join([same]))
    pictures = np.stack(crops(2))
    both, one = (openvino_net.load(graphs, precision="f32")(pictures) for graphs in ([same, same], [same]))
    np.testing.assert_array_equal(both, one)


@pytest.mark.parametrize("other", [{"size": 96}, {"heads": ("labelled",)}])
def test_nets_of_another_make_are_refused(other):
    spec = dataclasses.replace(SPEC, **other)
    graphs = [graph_of(SPEC, weights(1)), graph_of(spec, weights(1, spec=spec))]
    with pytest.raises(openvino_net.ConversionError, match="of one make|nets of 1 and 2 numbers"):
        openvino_net.load(graphs, precision="f32")


def test_what_differs_in_any_way_is_not_the_same():
    from openvino import Type
    from openvino import opset13 as ops

    openvino = cpu_engine.openvino()
    x = ops.parameter([1, 1, 8, 8], Type.f32)
    kernel, turned = np.arange(6, dtype=np.float32).reshape(1, 1, 2, 3), np.arange(6, dtype=np.float32)
    rows = [
        ops.convolution(x, ops.constant(values), [step, step], [0, 0], [0, 0], [1, 1])
        for values, step in (
            (kernel, 1),
            (kernel, 2),
            (kernel + 1, 1),
            (turned.reshape(1, 1, 3, 2), 1),
            (kernel, 1),
        )
    ]
    model = openvino.Model([ops.result(row) for row in rows], [x], "strides, numbers, shapes")
    _share(model)
    assert convolutions(model) == 4
    compiled = cpu_engine.CompiledNet(
        cpu_engine.core().compile_model(model, "CPU", cpu_engine.settings("f32"))
    )
    values = np.random.default_rng(0).random((1, 1, 8, 8), np.float32)
    got = compiled.every([values], outputs=5)
    np.testing.assert_array_equal(got[0], got[4])
    window = np.lib.stride_tricks.sliding_window_view(values[0, 0], (2, 3))
    np.testing.assert_allclose(got[0][0, 0], (window * kernel[0, 0]).sum((2, 3)), rtol=1e-5)
    np.testing.assert_allclose(got[1][0, 0], (window * kernel[0, 0]).sum((2, 3))[::2, ::2], rtol=1e-5)
    assert {row.shape for row in got} == {(1, 1, 7, 6), (1, 1, 4, 3), (1, 1, 6, 7)}
