"""Face nets: rows depend on their crop alone, inputs are what they say, saving loses nothing."""

import dataclasses
import os

import numpy as np
import pytest
import torch

from features.views import Crop
from models.nets.build import build
from models.nets.crops import crop_for, window
from models.nets.face_net import FaceNet
from models.nets.net_spec import NetError, NetSpec
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


def test_no_crops_give_no_rows(states):
    assert FaceNet(SPEC, states)([]).shape == (0, 2)


def test_save_and_load_change_nothing(tmp_path, states):
    FaceNet.save(tmp_path, SPEC, states)
    again, first = FaceNet.load(tmp_path), FaceNet.load(tmp_path, member=0)
    assert again.spec == SPEC
    np.testing.assert_array_equal(again(crops(4)), FaceNet(SPEC, states)(crops(4)))
    np.testing.assert_array_equal(first(crops(4)), FaceNet(SPEC, states[:1])(crops(4)))


def test_saved_files_can_be_read_by_whom_the_umask_lets(tmp_path, states):
    before = os.umask(0o022)
    try:
        FaceNet.save(tmp_path / "net", SPEC, states[:1])
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "net").iterdir()}
    assert modes == {"net.json": 0o644, "member0.safetensors": 0o644}


@pytest.fixture
def saved(tmp_path, states):
    FaceNet.save(tmp_path, SPEC, states)
    return tmp_path


def test_a_missing_member_is_named(saved):
    (saved / "member1.safetensors").unlink()
    with pytest.raises(NetError, match="member1.safetensors is missing"):
        FaceNet.load(saved)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_member_that_was_cut_is_named(saved, share):
    path = saved / "member1.safetensors"
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(NetError, match="member1.safetensors is damaged.*; copy the folder again"):
        FaceNet.load(saved)


def test_a_member_of_another_net_is_named(saved):
    other = build(dataclasses.replace(SPEC, heads=("labelled",)))[1].state_dict()
    FaceNet.save(saved, dataclasses.replace(SPEC, heads=("labelled",)), [other])
    FaceNet.save(saved / "new", SPEC, [other])
    message = "member0.safetensors holds no weights of .* with 2 heads: classifier.weight has shape"
    with pytest.raises(NetError, match=message):
        FaceNet.load(saved / "new")


def test_a_member_without_a_tensor_is_named(saved, states):
    FaceNet.save(saved, SPEC, [{k: v for k, v in states[0].items() if k != "bn1.bias"}])
    with pytest.raises(NetError, match="member0.safetensors .*: bn1.bias is missing"):
        FaceNet.load(saved)


def test_features_have_the_width_they_say():
    spec = dataclasses.replace(SPEC, heads=())
    net = FaceNet(spec, [build(spec)[1].state_dict()])
    assert net(crops(2)).shape == (2, net.width)


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


def test_unknown_model_names_the_ones_like_it():
    with pytest.raises(WeightsError, match="no model 'resnet999'; names like it: .*resnet"):
        build(dataclasses.replace(SPEC, model="resnet999"))
