"""Face nets: rows depend on their crop alone, inputs are what they say, saving loses nothing."""

import dataclasses

import numpy as np
import pytest
import torch

from features.views import Crop
from models.nets.checkpoints import Checkpoint, WeightsError
from models.nets.face_net import FaceNet, InputTransform, NetSpec, build, crop_for, initialise, window
from models.nets.inference import frozen

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


@pytest.fixture(scope="module")
def states():
    made = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        made.append(build(SPEC)[1].state_dict())
    return made


def crops(n, size=64, seed=0):
    return list(np.random.default_rng(seed).integers(0, 256, (n, size, size, 3), dtype=np.uint8))


def test_a_row_does_not_depend_on_its_batch(states):
    net, pictures = FaceNet(SPEC, states), crops(19)
    together = net(pictures)
    alone = np.concatenate([net([p]) for p in pictures])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(net(pictures[::-1]), together[::-1])


def test_a_row_does_not_depend_on_the_threads(states):
    net, pictures, before = FaceNet(SPEC, states), crops(9), torch.get_num_threads()
    rows = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        rows.append(net(pictures))
    torch.set_num_threads(before)
    np.testing.assert_array_equal(*rows)


def test_logits_are_the_mean_over_members_and_mirror_images(states):
    pictures = crops(3)
    both = FaceNet(SPEC, states)(pictures)
    single = [FaceNet(SPEC, [s])(pictures) for s in states]
    np.testing.assert_allclose(both, (single[0] + single[1]) / 2, atol=1e-6)
    mirrored = FaceNet(SPEC, states)([p[:, ::-1].copy() for p in pictures])
    np.testing.assert_allclose(both, mirrored, atol=1e-6)
    assert np.ptp(both) > 0


@pytest.mark.parametrize("kind", ["rgb", "npr", "highpass"])
def test_folding_changes_rows_by_rounding_only(kind):
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
    rows = FaceNet(spec, [state])(pictures)
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
    (member,) = frozen(net, [net[1].state_dict()], example)
    assert float(member(example + 3).mean()) == 3.0


def test_no_crops_give_no_rows(states):
    assert FaceNet(SPEC, states)([]).shape == (0, 2)


def test_save_and_load_change_nothing(tmp_path, states):
    FaceNet.save(tmp_path, SPEC, states)
    again, first = FaceNet.load(tmp_path), FaceNet.load(tmp_path, member=0)
    assert again.spec == SPEC
    np.testing.assert_array_equal(again(crops(4)), FaceNet(SPEC, states)(crops(4)))
    np.testing.assert_array_equal(first(crops(4)), FaceNet(SPEC, states[:1])(crops(4)))


def test_features_have_the_width_they_say():
    spec = dataclasses.replace(SPEC, heads=())
    net = FaceNet(spec, [build(spec)[1].state_dict()])
    assert net(crops(2)).shape == (2, net.width)


@pytest.mark.parametrize("kind", ["rgb", "npr", "highpass"])
def test_front_keeps_the_shape(kind):
    x = torch.from_numpy(np.stack(crops(2))).permute(0, 3, 1, 2)
    assert InputTransform(dataclasses.replace(SPEC, input=kind))(x).shape == (2, 3, 64, 64)


def test_rgb_front_is_zero_at_the_mean():
    x = torch.full((1, 3, 8, 8), 0, dtype=torch.uint8)
    x[:, 0], x[:, 1], x[:, 2] = 127, 102, 77
    assert InputTransform(SPEC)(x).abs().max() < 0.02


def test_residual_fronts_see_no_constant_and_no_offset():
    x = torch.from_numpy(np.stack(crops(1)) // 2).permute(0, 3, 1, 2)
    for kind in ("npr", "highpass"):
        transform = InputTransform(dataclasses.replace(SPEC, input=kind))
        assert transform(torch.full((1, 3, 16, 16), 93, dtype=torch.uint8)).abs().max() < 1e-4
        torch.testing.assert_close(transform(x), transform(x + 50), atol=1e-3, rtol=0)


def test_npr_front_is_the_difference_from_the_first_pixel_of_each_block():
    x = torch.zeros((1, 3, 4, 4), dtype=torch.uint8)
    x[0, 0, 1, 1] = 24
    out = InputTransform(dataclasses.replace(SPEC, input="npr"))(x)
    assert out[0, 0, 1, 1] == pytest.approx(2.0)
    assert out.abs().sum() == pytest.approx(2.0)


def test_window_cuts_pixels_as_they_are_at_even_corners():
    image = np.random.default_rng(0).integers(0, 256, (50, 61, 3), dtype=np.uint8)
    cut = window(image, centre=(31, 23), size=20)
    x0, y0 = (31 - 10) // 2 * 2, (23 - 10) // 2 * 2
    np.testing.assert_array_equal(cut, image[y0 : y0 + 20, x0 : x0 + 20])


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 200), (64, 64), (70, 3)])
def test_window_has_its_size_in_any_image(height, width):
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    cut = window(image, centre=(width, height), size=64)
    assert cut.shape == (64, 64, 3)
    assert set(np.unique(cut)) <= set(np.unique(image))


def test_crop_for_follows_the_spec():
    image = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    crop = Crop((10, 10, 90, 90), (0, 0, 100, 100), np.array([[0.01, 0, 0], [0, 0.01, 0]]))
    native = crop_for(dataclasses.replace(SPEC, crop="native"), image, crop)
    np.testing.assert_array_equal(native, image[18:82, 18:82])
    assert crop_for(SPEC, image, crop).shape == (64, 64, 3)


def test_initialise_takes_the_backbone_and_leaves_the_head():
    given = build(dataclasses.replace(SPEC, heads=()))[1].state_dict()
    checkpoint = Checkpoint(state={**given, "classifier.weight": torch.zeros(7, 1024)}, origin="x")
    net = initialise(SPEC, checkpoint, seed=0)[1].state_dict()
    for name, tensor in given.items():
        torch.testing.assert_close(net[name], tensor, rtol=0, atol=0)
    assert net["classifier.weight"].abs().sum() > 0


def test_initialise_refuses_weights_of_another_net():
    with pytest.raises(WeightsError, match="do not fit the net: .* check model and model_args"):
        initialise(SPEC, Checkpoint(state={"conv.weight": torch.zeros(1)}, origin="x"), seed=0)


def test_unknown_model_names_the_ones_like_it():
    with pytest.raises(WeightsError, match="mobilenet_nope.*names like it: .*mobilenet"):
        build(dataclasses.replace(SPEC, model="mobilenet_nope"))


@pytest.mark.parametrize("model", ["mobilenetv2_035", "resnet10t"])
def test_a_net_starts_undecided(model):
    """timm gives one logit over 1,280 features weights of U(-1, 1) in some families: a loss of 2 at the start."""
    spec = dataclasses.replace(SPEC, model=model, heads=("labelled",))
    net = initialise(spec, Checkpoint(state=None, origin="from scratch"), seed=0)
    with torch.no_grad():
        logits = net(torch.from_numpy(np.stack(crops(16))).permute(0, 3, 1, 2))
    assert 0 < float(logits.abs().max()) < 0.5
