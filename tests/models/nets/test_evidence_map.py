"""Logits place by place: they add up, and they lie where the cause is."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save

from models.nets.build import build
from models.nets.crops import crop_for, from_image, window
from models.nets.evidence_map import TYPICAL_FILE, EvidenceNet, write_typical
from models.nets.face_net import FaceNet, save_graphs
from models.nets.graph import Graph
from models.nets.net_spec import NetError, NetSpec
from models.nets.openvino_map import OpenVinoMap
from models.nets.openvino_net import ConversionError

LINEAR = "test_efficientnet"  # small; as in the recipe's, features are averaged, one linear layer behind


def spec(model=LINEAR, size=64, **changes):
    facts = {"model_args": {}, "input": "rgb", "crop": "aligned", "size": size, "origin": "test"}
    return NetSpec(
        **facts
        | {"model": model, "mean": (0.5,) * 3, "std": (0.5,) * 3, "heads": ("labelled", "blend")}
        | changes
    )


def saved(folder, of, members=1):
    states = []
    for seed in range(members):
        torch.manual_seed(seed)
        states.append(build(of)[1].state_dict())
    FaceNet.save(folder, of, states)
    return folder


def picture(size, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)


@pytest.mark.parametrize(("model", "members"), [(LINEAR, 2), ("mobilenetv3_small_050", 1)])
def test_places_average_to_the_logits(tmp_path, model, members):
    folder = saved(tmp_path / "net", spec(model), members)
    places = EvidenceNet(folder)(picture(64))
    assert places.shape == (2, 2, 2)
    expected = FaceNet.load(folder)([picture(64)])[0]
    np.testing.assert_allclose(places.mean((1, 2)), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("model", [LINEAR, "mobilenetv2_035"])
@pytest.mark.parametrize("normalise", [False, True])
def test_openvinos_places_are_those_of_the_gradient(tmp_path, model, normalise):
    of = spec(model, normalise=normalise)
    folder = saved(tmp_path / "net", of, 2)
    expected = EvidenceNet(folder)(picture(64))
    save_graphs(folder)
    net = EvidenceNet(folder)
    assert all(isinstance(member, OpenVinoMap) for member in net.members)
    places = net(picture(64))
    np.testing.assert_allclose(places, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())
    np.testing.assert_allclose(
        places.mean((1, 2)), FaceNet.load(folder)([picture(64)])[0], rtol=1e-4, atol=1e-5
    )
    np.testing.assert_array_equal(
        places, EvidenceNet(folder)(picture(64))
    )  # compiled now, read from the cache


def test_a_net_with_more_behind_the_mean_is_torchs(tmp_path):
    of = spec("mobilenetv3_small_050")
    folder = saved(tmp_path / "net", of)
    expected = EvidenceNet(folder)(picture(64))
    save_graphs(folder)
    with pytest.raises(ConversionError, match="not from one linear layer over a mean"):
        OpenVinoMap(Graph.read(folder, 0, Path.read_bytes))
    np.testing.assert_array_equal(EvidenceNet(folder)(picture(64)), expected)


def test_a_change_in_one_corner_moves_that_corner_most(tmp_path):
    net = EvidenceNet(saved(tmp_path / "net", spec(size=256)))
    plain = np.full((256, 256, 3), 128, np.uint8)
    changed = plain.copy()
    changed[:48, :48] = picture(48)  # not mirrored: the upper left corner alone
    moved = np.abs(net(changed) - net(plain)).sum(0)
    half = moved.shape[0] // 2
    corners = [
        moved[:half, :half].sum(),
        moved[:half, half:].sum(),
        moved[half:, :half].sum(),
        moved[half:, half:].sum(),
    ]
    assert np.argmax(corners) == 0


def test_a_net_without_a_map_of_features_says_so(tmp_path):
    assert (
        EvidenceNet(
            saved(tmp_path / "net", spec("vit_tiny_patch16_224", size=32, model_args={"img_size": 32}))
        )(picture(32))
        is None
    )


def test_the_typical_face_is_the_mean_of_its_pictures(tmp_path):
    folder = saved(tmp_path / "net", spec())
    assert EvidenceNet(folder).typical is None
    pictures = [picture(64, seed) for seed in range(3)]
    write_typical(folder, pictures)
    net = EvidenceNet(folder)
    np.testing.assert_allclose(net.typical, np.mean([net(each) for each in pictures], axis=0), atol=1e-6)


def test_no_picture_leaves_no_typical_face(tmp_path):
    folder = saved(tmp_path / "net", spec())
    write_typical(folder, [])
    assert EvidenceNet(folder).typical is None


@pytest.mark.parametrize("content", [b"", save({"other": np.zeros(1, np.float32)})])
def test_a_damaged_typical_face_is_named(tmp_path, content):
    folder = saved(tmp_path / "net", spec())
    (folder / TYPICAL_FILE).write_bytes(content)
    with pytest.raises(NetError, match=r"typical\.safetensors is damaged, it holds no map of a typical face"):
        EvidenceNet(folder)


def test_from_image_is_where_the_window_was_cut():
    from features.views import Crop

    crop = Crop(native=(40, 24, 104, 88), context=(0, 0, 150, 120), matrix=np.zeros((2, 3)))
    of, pixels = spec(crop="native", size=64), picture(150)[:120]
    matrix = from_image(of, crop, height=120, width=150)
    left, top = -matrix[:, 2] * 64
    np.testing.assert_array_equal(
        crop_for(of, pixels, crop), pixels[int(top) : int(top) + 64, int(left) : int(left) + 64]
    )
    np.testing.assert_array_equal(crop_for(of, pixels, crop), window(pixels, centre=(72, 56), size=64))
