"""The identity net reads dlib's format, and only the file that it knows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from models.errors import UserError
from models.nets import identity, identity_weights
from models.nets.identity import IdentityNet


def integer(value: int) -> bytes:
    """As dlib writes it."""
    data = value.to_bytes(max((value.bit_length() + 7) // 8, 1), "little")
    return bytes([len(data)]) + data


def layer(name: bytes, values: np.ndarray, *before: int) -> bytes:
    numbers = b"".join(map(integer, (*before, 2, len(values), 1, 1, 1)))
    return bytes([len(name)]) + name + numbers + values.astype("<f4").tobytes()


def test_layers_are_read_in_their_order() -> None:
    rng = np.random.default_rng(0)
    first, second, last = (rng.standard_normal(n).astype(np.float32) for n in (300, 4, 6))
    data = (
        b"\x01\x01" + layer(b"con_4", first) + b"xx" + layer(b"affine_", second) + layer(b"fc_2", last, 3, 2)
    )
    for found, expected in zip(identity._layers(data), (first, second, last), strict=True):
        assert np.array_equal(found, expected)


def test_an_affine_layer_is_folded_into_its_convolution() -> None:
    rng = np.random.default_rng(1)
    weight, bias, scale, shift = (torch.from_numpy(rng.standard_normal(s)) for s in ((2, 3, 3, 3), 2, 2, 2))
    layers = iter([np.r_[weight.ravel(), bias], np.r_[scale, shift]])
    kernels, offset = identity._convolution(layers, 3, 3)
    x = torch.from_numpy(rng.standard_normal((1, 3, 8, 8)))
    plain = torch.nn.functional.conv2d(x, weight, bias) * scale.view(1, 2, 1, 1) + shift.view(1, 2, 1, 1)
    assert torch.allclose(torch.nn.functional.conv2d(x, kernels, offset), plain)


def test_the_smaller_tensor_of_a_sum_is_filled_with_zeros() -> None:
    total = identity._sum(torch.ones(1, 2, 3, 3), torch.ones(1, 1, 4, 4))
    assert total.shape == (1, 2, 4, 4)
    assert total[0, 0].sum() == 9 + 16
    assert total[0, 1].sum() == 9


def test_another_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "weights.dat"
    file.write_bytes(b"other")
    with pytest.raises(UserError, match=r"has the SHA-256 .*, allowed is 55533b28a95800a5"):
        IdentityNet.load(file)


def test_no_package_no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity_weights, "find_spec", lambda name: None)
    assert identity_weights.weights_file() is None


def test_the_package_is_found_and_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / identity_weights.PACKAGE
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError")
    (package / identity_weights.FILE).write_bytes(b"x")
    monkeypatch.syspath_prepend(tmp_path)
    assert identity_weights.weights_file() == package / identity_weights.FILE
