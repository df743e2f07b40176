"""Auto-encoders: found in the weights folder, built from their tensors, same size out whatever goes in."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from models.generators.autoencoder import decoder, encoder
from models.generators.reconstruction import load
from models.generators.registry import GENERATORS, GeneratorMissing
from models.nets.packaged import WeightsError


def put(folder, name="tiny", *, latents=4, pooled=False, suffix=".safetensors"):
    (folder / name).mkdir(parents=True)
    torch.manual_seed(latents)
    for half, make in (("encoder", encoder), ("decoder", decoder)):
        state = make(latents=latents, pooled=pooled).state_dict()
        path = folder / name / f"{name}_{half}{suffix}"
        save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)


@pytest.mark.parametrize(("latents", "pooled", "suffix"), [(4, False, ".safetensors"), (32, True, ".pth")])
def test_a_picture_keeps_its_size_and_the_draw_decides_nothing_else(tmp_path, latents, pooled, suffix):
    put(tmp_path, latents=latents, pooled=pooled, suffix=suffix)
    generator = load(GENERATORS["reconstruction"](tmp_path), "cpu")
    pixels = np.random.default_rng(0).integers(0, 256, (37, 50, 3), dtype=np.uint8)
    first, second = (generator(pixels, np.random.default_rng(seed)) for seed in (0, 1))
    assert first.shape == pixels.shape
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, second)


def test_of_several_each_picture_goes_through_one(tmp_path):
    put(tmp_path, "a", latents=4)
    put(tmp_path, "b", latents=16)
    files = GENERATORS["reconstruction"](tmp_path)
    assert [path.name for path in files] == [
        f"{n}_{half}.safetensors" for n in "ab" for half in ("encoder", "decoder")
    ]
    generator = load(files, "cpu")
    pixels = np.full((16, 16, 3), 128, np.uint8)
    assert len({generator(pixels, np.random.default_rng(seed)).tobytes() for seed in range(12)}) == 2


def test_without_one_it_says_what_to_do(tmp_path):
    with pytest.raises(
        GeneratorMissing, match="no auto-encoder in .*: put <name>_encoder and <name>_decoder"
    ):
        GENERATORS["reconstruction"](tmp_path)
    put(tmp_path)
    (tmp_path / "tiny/tiny_decoder.safetensors").unlink()
    with pytest.raises(GeneratorMissing, match="no auto-encoder"):
        GENERATORS["reconstruction"](tmp_path)


def test_another_net_or_a_damaged_file_is_named(tmp_path):
    put(tmp_path)
    files = GENERATORS["reconstruction"](tmp_path)
    files[0].write_bytes(b"no tensors")
    with pytest.raises(WeightsError, match="tiny_encoder.safetensors cannot be read"):
        load(files, "cpu")
    save_file({"14.weight": torch.zeros(4, 8, 3, 3)}, files[0])
    with pytest.raises(WeightsError, match="not of the TAESD family"):
        load(files, "cpu")
