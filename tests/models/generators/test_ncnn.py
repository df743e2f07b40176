"""ncnn's format: tensors come back bit for bit, whatever is wrong is named."""

import numpy as np
import pytest
import torch

from models.generators.ncnn import NcnnError, read

RNG = np.random.default_rng(0)
WEIGHT = RNG.normal(size=(5, 3, 3, 3)).astype(np.float16)
BIAS, SLOPE = RNG.normal(size=5).astype(np.float32), RNG.normal(size=5).astype(np.float32)
TEXT = """7767517
4 4
Input            in    0 1 data
Convolution      c1    1 1 data a 0=5 1=3 4=1 5=1 6=135
PReLU            p1    1 1 a b 0=5
Convolution      c2    1 1 b output 0=2 1=1 5=0 6=10
"""


def written(folder, *, half=True, text=TEXT, cut=0):
    first = (0x01306B47 if half else 0).to_bytes(4, "little")
    data = first + (WEIGHT.tobytes() + b"\0\0" if half else WEIGHT.astype("<f4").tobytes())
    data += BIAS.tobytes() + SLOPE.tobytes()
    data += bytes(4) + np.arange(10, dtype="<f4").tobytes()
    (folder / "net.param").write_text(text)
    (folder / "net.bin").write_bytes(data[: len(data) - cut])
    return folder / "net.param"


@pytest.mark.parametrize("half", [True, False])
def test_tensors_come_back_in_the_order_of_the_layers(tmp_path, half):
    """135 float16 numbers fill 270 bytes, and two more up to a multiple of 4."""
    tensors = read(written(tmp_path, half=half))
    assert list(tensors) == ["c1.weight", "c1.bias", "p1.weight", "c2.weight"]
    assert torch.equal(tensors["c1.weight"], torch.from_numpy(WEIGHT.astype(np.float32)))
    assert torch.equal(tensors["c1.bias"], torch.from_numpy(BIAS))
    assert torch.equal(tensors["p1.weight"], torch.from_numpy(SLOPE))
    assert tensors["c2.weight"].flatten().tolist() == list(range(10))
    assert tensors["c2.weight"].shape == (2, 5, 1, 1)


def test_what_does_not_fit_is_named(tmp_path):
    with pytest.raises(NcnnError, match="net.param is no ncnn net: its first line is not 7767517"):
        read(written(tmp_path, text="onnx\n"))
    with pytest.raises(NcnnError, match=r"layer c2 \(Convolution\) does not fit net.bin"):
        read(written(tmp_path, cut=4))
    with pytest.raises(NcnnError, match="net.bin has 360 bytes, the layers of net.param have 316"):
        read(written(tmp_path, text=TEXT[: TEXT.index("Convolution      c2")]))
    path = written(tmp_path)
    data = path.with_suffix(".bin").read_bytes()
    path.with_suffix(".bin").write_bytes(b"\x01\x02\x03\x04" + data[4:])
    with pytest.raises(NcnnError, match="weights of type 0x4030201; known are 0"):
        read(path)
    path.with_suffix(".bin").unlink()
    with pytest.raises(NcnnError, match="cannot be read: .*install the package again"):
        read(path)
