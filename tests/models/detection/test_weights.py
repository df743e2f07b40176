"""The detector's weights: read from the package once, and found again without torch."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from facenet_pytorch.models.mtcnn import RNet
from safetensors.numpy import save

from models.detection import weights
from models.detection.weights import DetectorError


def test_they_are_those_of_the_package():
    state = weights.arrays(weights.packaged())
    expected = RNet().state_dict()
    assert {name.removeprefix("rnet.") for name in state if name.startswith("rnet.")} == set(expected)
    for name, tensor in expected.items():
        np.testing.assert_array_equal(state[f"rnet.{name}"], tensor)


def test_a_later_process_finds_faces_without_torch(tmp_path, monkeypatch):
    monkeypatch.setenv("FAKETRACE_CACHE", str(tmp_path))
    weights.packaged()
    code = (
        "import sys, numpy as np\n"
        "from models.detection.mtcnn import FaceDetector\n"
        "face = FaceDetector().detect([np.zeros((60, 60, 3), np.uint8)])[0]\n"
        "print(face.found, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_damaged_weights_are_named():
    with pytest.raises(DetectorError, match="weights are damaged: .*; copy them again"):
        weights.arrays(b"nothing")
    with pytest.raises(DetectorError, match="weights are damaged: pnet.conv1.bias; copy them again"):
        weights.arrays(save({"pnet.conv1.bias": np.array([np.nan], np.float32)}))


def test_a_missing_package_is_named(monkeypatch):
    def absent(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(weights, "distribution", absent)
    with pytest.raises(DetectorError, match="facenet-pytorch.*is not installed; install it with pip"):
        weights.packaged()
