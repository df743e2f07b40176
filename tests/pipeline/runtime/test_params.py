"""params.yaml: the shipped file is valid, and every mistake is named with what is allowed."""

from pathlib import Path

import pytest
import yaml

from features.spectral import blocks
from pipeline.runtime import params
from pipeline.runtime.params import ParamsError, parse
from pipeline.samples.feature_table import block_names

ROOT = Path(__file__).parents[3]


@pytest.fixture
def raw():
    return yaml.safe_load((ROOT / "params.yaml").read_text())


def test_the_shipped_file_is_valid_and_names_every_block(raw):
    shipped = parse(raw, where="params.yaml")
    assert sorted(shipped.spectral.blocks) == sorted(blocks())


def test_sections_are_read_by_name(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert params.load("compute").shard_size == params.read().compute.shard_size


def test_unknown_key_is_named_with_the_allowed_ones(raw):
    raw["faces"]["minimum"] = 3
    with pytest.raises(
        ParamsError, match=r"params.yaml: key 'faces.minimum' is unknown; allowed here are .*min_face"
    ):
        parse(raw, where="params.yaml")


def test_unknown_key_of_a_net_is_named_with_the_allowed_ones(raw):
    raw["finetune"]["nets"]["face"]["epoch"] = 3
    with pytest.raises(
        ParamsError, match=r"'finetune.nets.face.epoch' is unknown; allowed here are .*epochs"
    ):
        parse(raw, where="params.yaml")


def test_value_out_of_range_is_named_with_its_bound(raw):
    raw["train"]["folds"] = 1
    with pytest.raises(
        ParamsError, match=r"key 'train.folds' is 1: input should be greater than or equal to 2"
    ):
        parse(raw, where="params.yaml")


def test_missing_section_is_named(raw):
    del raw["spectral"]
    with pytest.raises(ParamsError, match="key 'spectral' is missing; add it"):
        parse(raw, where="params.yaml")


def test_every_mistake_is_listed_at_once(raw):
    raw["train"]["folds"], raw["data"]["rot"] = 0, "x"
    with pytest.raises(ParamsError) as error:
        parse(raw, where="here")
    assert len(str(error.value).splitlines()) == 2


def test_missing_and_broken_files_say_so(tmp_path):
    with pytest.raises(ParamsError, match="is not here; run from the repository's root"):
        params.read(tmp_path / "params.yaml")
    (tmp_path / "bad.yaml").write_text("a: [")
    with pytest.raises(ParamsError, match="is not valid YAML"):
        params.read(tmp_path / "bad.yaml")


def test_block_names_are_those_made_unless_asked_otherwise(raw):
    raw["embed"]["backbones"] = {"small": {"model": "mobilenetv3_small_050"}}
    p = parse(raw, where="")
    named = block_names(p.spectral, p.embed, p.finetune, p.train)
    assert named[0] == "face"
    assert {"radial", "embed_small", "net_face", "net_texture"} <= set(named)
    some = p.train.model_copy(update={"blocks": ["radial"]})
    assert block_names(p.spectral, p.embed, p.finetune, some) == ["radial"]
    wrong = p.train.model_copy(update={"blocks": ["radial", "nope"]})
    with pytest.raises(ParamsError, match="'train.blocks' names nope; made are face, radial"):
        block_names(p.spectral, p.embed, p.finetune, wrong)
