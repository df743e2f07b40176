"""Losses on the unit sphere: values that a hand can work out, and gradients that pull the right way."""

import math

import pytest
import torch

from models.nets.hypersphere import alignment, uniformity

NAN = float("nan")
REAL, FAKE = [0.0], [1.0]


def points(*degrees):
    """On the unit circle, float32 (n, 2)."""
    angles = torch.deg2rad(torch.tensor(degrees, dtype=torch.float32))
    return torch.stack([angles.cos(), angles.sin()], dim=1)


def random_points(n, d=6, seed=0):
    x = torch.randn(n, d, generator=torch.Generator().manual_seed(seed))
    return x / x.norm(dim=1, keepdim=True)


@pytest.mark.parametrize(
    ("features", "aligned", "uniform"),
    [
        (points(30, 30, 30), 0.0, 0.0),
        (points(0, 180), 4.0, -8.0),
        (points(0, 90), 2.0, -4.0),
        (points(0, 60), 1.0, -2.0),
        (points(0, 120, 240), 3.0, -6.0),
        (points(0, 0, 180), 8 / 3, math.log((1 + 2 * math.exp(-8)) / 3)),
    ],
)
def test_values_that_a_hand_can_work_out(features, aligned, uniform):
    target = torch.tensor([REAL] * len(features))
    assert float(alignment(features, target)) == pytest.approx(aligned, abs=1e-5)
    assert float(uniformity(features)) == pytest.approx(uniform, abs=1e-5)


def test_only_pictures_of_the_same_kind_are_aligned():
    features = points(0, 10, 180, 180)
    assert float(alignment(features, torch.tensor([REAL, FAKE, REAL, FAKE]))) == pytest.approx(
        (4 + 2 - 2 * math.cos(math.radians(170))) / 2, abs=1e-5
    )
    assert float(alignment(points(0, 0, 90, 90), torch.tensor([REAL, REAL, FAKE, FAKE]))) == pytest.approx(
        0, abs=1e-6
    )


def test_with_several_heads_each_kind_of_fake_is_one_kind():
    """Rows of one real face and one fake for each of two heads: no two alike, so nothing to align."""
    kinds = torch.tensor([[0.0, 0.0], [1.0, NAN], [NAN, 1.0]])
    assert float(alignment(points(0, 120, 240), kinds)) == 0
    twice = alignment(points(0, 120, 240, 0, 120, 240), torch.cat([kinds, kinds]))
    assert float(twice) == pytest.approx(0, abs=1e-5)
    turned = alignment(points(0, 120, 240, 180, 120, 240), torch.cat([kinds, kinds]))
    assert float(turned) == pytest.approx(4 / 3, abs=1e-5)


def test_neither_depends_on_the_order_nor_on_a_rotation():
    features, target = random_points(9), torch.tensor([REAL, FAKE, FAKE] * 3)
    order = torch.randperm(9, generator=torch.Generator().manual_seed(1))
    rotation, _ = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(2)))
    for other, labels in ((features[order], target[order]), (features @ rotation, target)):
        torch.testing.assert_close(alignment(other, labels), alignment(features, target))
        torch.testing.assert_close(uniformity(other), uniformity(features))


def test_they_are_the_means_over_pairs_that_their_definitions_say():
    features, target = random_points(7), torch.tensor([REAL, FAKE, FAKE, REAL, REAL, FAKE, REAL])
    pairs = [(i, j) for i in range(7) for j in range(i)]
    squared = {(i, j): float(((features[i] - features[j]) ** 2).sum()) for i, j in pairs}
    same = [squared[i, j] for i, j in pairs if target[i] == target[j]]
    assert float(alignment(features, target)) == pytest.approx(sum(same) / len(same), rel=1e-5)
    mean = sum(math.exp(-2 * v) for v in squared.values()) / len(squared)
    assert float(uniformity(features)) == pytest.approx(math.log(mean), rel=1e-5)


def descend(loss, start, steps=200):
    x = start.clone().requires_grad_(True)
    for _ in range(steps):
        (gradient,) = torch.autograd.grad(loss(x / x.norm(dim=1, keepdim=True)), x)
        assert gradient.isfinite().all()
        x = (x - 0.2 * gradient).detach().requires_grad_(True)
    return (x / x.norm(dim=1, keepdim=True)).detach()


def test_following_them_gathers_a_kind_and_spreads_all():
    target = torch.tensor([REAL, FAKE] * 3)
    gathered = descend(lambda x: alignment(x, target), random_points(6))
    torch.testing.assert_close(gathered[::2], gathered[:1].expand(3, -1), atol=1e-2, rtol=0)
    assert float((gathered[0] - gathered[1]).norm()) > 0.1
    spread = descend(uniformity, points(0, 1, 2))
    torch.testing.assert_close(
        spread @ spread.T, torch.full((3, 3), -0.5).fill_diagonal_(1), atol=0.02, rtol=0
    )


def test_gradients_are_finite_where_points_coincide():
    features = points(30, 30, 30).requires_grad_(True)
    (alignment(features, torch.tensor([REAL] * 3)) + uniformity(features)).backward()
    assert features.grad.isfinite().all()
