"""Auto-encoders: found in the weights folder, built from their tensors, same size out whatever goes in."""

import json
import shutil

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL
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
    with pytest.raises(WeightsError, match=r"not of the TAESD family \(\d+ tensors differ, first: "):
        load(files, "cpu")


@pytest.fixture(scope="module")
def diffusion_vae(tmp_path_factory):
    """A weights folder with the auto-encoder of a diffusion model, as diffusers lays it out, and that auto-encoder."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    vae = AutoencoderKL(
        block_out_channels=(32, 32),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        sample_size=64,
    )
    vae.save_pretrained(folder / "diffusion/vae")
    return folder, vae.eval()


def test_the_auto_encoder_of_a_diffusion_model_redraws_as_diffusers_does(diffusion_vae):
    folder, vae = diffusion_vae
    files = GENERATORS["reconstruction"](folder)
    assert [path.name for path in files] == ["config.json", "diffusion_pytorch_model.safetensors"]
    generator = load(files, "cpu")
    pixels = np.random.default_rng(0).integers(0, 256, (21, 48, 3), dtype=np.uint8)
    even = np.pad(pixels, ((0, 1), (0, 0), (0, 0)), mode="edge")  # a latent is 2 px
    x = torch.from_numpy(even).permute(2, 0, 1)[None].float() / 127.5 - 1
    with torch.inference_mode():
        wanted = vae.decode(vae.encode(x).latent_dist.mode()).sample[0, :, :21] * 127.5 + 127.5
    redrawn = generator(pixels, np.random.default_rng(0))
    assert redrawn.shape == pixels.shape
    difference = redrawn - wanted.clamp(0, 255).permute(1, 2, 0).numpy()
    assert np.abs(difference).max() <= 0.51  # rounding
    assert wanted.std() > 1


def test_a_large_picture_goes_through_it_in_tiles(diffusion_vae):
    folder, _ = diffusion_vae
    generator = load(GENERATORS["reconstruction"](folder), "cpu")
    attention = generator.nets[0].model.encoder.mid_block.attentions[0]
    tokens = []
    attention.register_forward_pre_hook(lambda _, inputs: tokens.append(inputs[0][0, 0].numel()))
    generator(np.zeros((200, 300, 3), np.uint8), np.random.default_rng(0))
    assert len(tokens) > 1
    assert max(tokens) <= (64 // 2) ** 2


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"_class_name": "UNet2DModel"}, "found the class UNet2DModel, allowed are AutoencoderKL, "),
        ({}, r"config.json, diffusion_pytorch_model.safetensors: cannot be used \('_class_name'\)"),
        (
            {"_class_name": "AutoencoderKL"},
            r"cannot be used \(\d+ tensors differ, first: .*\); copy both files again",
        ),
    ],
)
def test_a_configuration_of_something_else_is_named(diffusion_vae, tmp_path, config, message):
    folder, _ = diffusion_vae
    shutil.copytree(folder / "diffusion", tmp_path / "diffusion")
    files = GENERATORS["reconstruction"](tmp_path)
    files[0].write_text(json.dumps(config))
    with pytest.raises(WeightsError, match=message):
        load(files, "cpu")
