"""Settings: the shipped file is valid, an overlay is laid over it, and every mistake is named with what is allowed."""

from pathlib import Path

import pytest
import yaml
from dvc.utils.serialize import dumps_yaml, loads_yaml

from features.spectral import blocks
from pipeline.demo.dataset import MINIMUM_IMAGES
from pipeline.runtime import params
from pipeline.runtime.params import ParamsError, combine, merge, parse
from pipeline.samples.feature_table import wanted_blocks

ROOT = Path(__file__).parents[3]


@pytest.fixture
def raw():
    return yaml.safe_load((ROOT / "params.yaml").read_text())


def test_the_shipped_file_is_valid_and_names_every_block(raw):
    shipped = parse(raw, where="params.yaml")
    assert sorted(shipped.spectral.blocks) == sorted(blocks())


def test_the_shipped_file_has_the_form_in_which_dvc_writes_it():
    """`dvc exp run -S` changes the one line that it is told to change."""
    text = (ROOT / "params.yaml").read_text()
    assert dumps_yaml(loads_yaml(text, typ="rt")) == text


def test_every_setting_is_described_and_the_smallest_demo_is_the_generators():
    def models(model):
        yield model
        for field in model.model_fields.values():
            for part in (field.annotation, *getattr(field.annotation, "__args__", ())):
                if isinstance(part, type) and issubclass(part, params.Section):
                    yield from models(part)

    for model in models(params.Params):
        assert model.__doc__
        for name, field in model.model_fields.items():
            assert model is params.Params or field.description, f"{model.__name__}.{name}"
    allowed = params.Data.model_fields["demo_images"].metadata
    assert [bound.ge for bound in allowed if hasattr(bound, "ge")] == [MINIMUM_IMAGES]


def test_sections_are_read_by_name(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert params.load("compute").shard_size == params.read().compute.shard_size


def test_unknown_key_is_named_with_the_allowed_ones(raw):
    raw["faces"]["minimum"] = 3
    with pytest.raises(
        ParamsError, match=r"params.yaml: key 'faces.minimum' is unknown; allowed are .*min_face"
    ):
        parse(raw, where="params.yaml")


def test_unknown_key_of_a_net_is_named_with_the_allowed_ones(raw):
    raw["finetune"]["nets"]["face"]["epoch"] = 3
    with pytest.raises(ParamsError, match=r"'finetune.nets.face.epoch' is unknown; allowed are .*epochs"):
        parse(raw, where="params.yaml")


@pytest.mark.parametrize(
    ("section", "key", "value", "message"),
    [
        ("train", "folds", 1, "key 'train.folds' is 1: input should be greater than or equal to 2"),
        (
            "variants",
            "pseudo_fakes",
            {"blend": 21},
            "key 'variants.pseudo_fakes.blend' is 21: .* equal to 20",
        ),
        (
            "variants",
            "pseudo_fakes",
            {"Blend": 1},
            "'variants.pseudo_fakes.Blend' is no name; allowed are lower-case",
        ),
        ("data", "root", "", "key 'data.root' is ''"),
        ("compute", "backend", "dask", "set compute.scheduler to its address"),
    ],
)
def test_wrong_value_is_named_with_what_is_allowed(raw, section, key, value, message):
    raw[section][key] = value
    with pytest.raises(ParamsError, match=message):
        parse(raw, where="params.yaml")


def test_real_faces_are_not_degraded_alone_beside_labelled_fakes(raw):
    raw["finetune"]["nets"]["face"]["real_degrade_prob"] = 0.5
    with pytest.raises(ParamsError, match="take labelled out of heads, or set real_degrade_prob to 0"):
        parse(raw, where="params.yaml")


def test_pseudo_fakes_need_degraded_copies_of_real_images(raw):
    raw["variants"]["degraded"] = 0
    with pytest.raises(ParamsError, match="degraded is 0 beside pseudo-fakes .* Set degraded to 0.5"):
        parse(raw, where="params.yaml")
    raw["variants"]["pseudo_fakes"] = dict.fromkeys(raw["variants"]["pseudo_fakes"], 0)
    assert parse(raw, where="params.yaml").variants.degraded == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"tune": "norms", "freeze_layers": 3},
            "but freeze_layers is 3; set freeze_layers to 0, or tune to all",
        ),
        ({"alignment": 0.1}, "alignment above 0 needs .*; set normalise to true, or alignment to 0"),
        ({"alignment": 0.1, "uniformity": 0.5}, "normalise to true, or alignment and uniformity to 0"),
        ({"tune": "bias"}, "key 'finetune.nets.face.tune' is 'bias'"),
    ],
)
def test_settings_of_norm_tuning_that_do_not_fit_are_refused(raw, changes, message):
    raw["finetune"]["nets"]["face"] |= changes
    with pytest.raises(ParamsError, match=message):
        parse(raw, where="params.yaml")


def test_settings_of_norm_tuning_that_fit_are_taken(raw):
    fitting = {"tune": "norms", "freeze_layers": 0, "normalise": True, "alignment": 0.1, "uniformity": 0.5}
    raw["finetune"]["nets"]["face"] |= fitting
    net = parse(raw, where="params.yaml").finetune.nets["face"]
    assert {name: getattr(net, name) for name in fitting} == fitting


def test_missing_section_is_named(raw):
    del raw["spectral"]
    with pytest.raises(ParamsError, match="key 'spectral' is missing; add it"):
        parse(raw, where="params.yaml")


def test_every_mistake_is_listed_at_once(raw):
    raw["train"]["folds"], raw["data"]["rot"] = 0, "x"
    with pytest.raises(ParamsError) as error:
        parse(raw, where="params.yaml")
    assert len(str(error.value).splitlines()) == 2


def test_missing_and_broken_files_say_so(tmp_path):
    with pytest.raises(ParamsError, match="run from the repository's root"):
        params.read(tmp_path / "params.yaml")
    for text, message in (("a: [", "cannot be read as YAML"), ("- a", "holds no YAML mapping of sections")):
        (tmp_path / "bad.yaml").write_text(text)
        with pytest.raises(ParamsError, match=message):
            params.read(tmp_path / "bad.yaml")


def test_an_overlay_changes_keys_and_null_removes_entries(raw):
    changes = {
        "train": {"folds": 7},
        "manifest": {"holdout_source": None},
        "finetune": {"nets": {"texture": None, "face": {"epochs": 1}}},
        "variants": {"pseudo_fakes": {"blend": None}},
    }
    before = yaml.safe_dump(raw)
    settings = combine(raw, changes, overlay_name="my.yaml")
    assert settings.train.folds == 7
    assert settings.manifest.holdout_source is None
    assert set(raw["finetune"]["nets"]) - set(settings.finetune.nets) == {"texture"}
    assert settings.finetune.nets["face"].epochs == 1
    assert settings.finetune.nets["face"].size == 192
    assert set(raw["variants"]["pseudo_fakes"]) - set(settings.variants.pseudo_fakes) == {"blend"}
    assert settings.variants.pseudo_fakes["resynthesis"] == 0.35
    assert yaml.safe_dump(raw) == before


def test_an_empty_overlay_changes_nothing(raw):
    assert merge(raw, {}) == raw


@pytest.mark.parametrize(
    ("overlay", "message"),
    [
        ({"train": {"folds": 1}}, "^my.yaml: key 'train.folds' is 1"),
        ({"train": 3}, "^my.yaml: key 'train' is 3"),
        ({"spectral": {"blocks": ["radial", 3]}}, "^my.yaml: key 'spectral.blocks.1' is 3"),
        (
            {"finetune": {"nets": {"more": {"model": "x"}}}},
            "params.yaml has face, seam, texture.* add new ones to",
        ),
        ({"embed": {"backbones": {"more": {"model": "x"}}}}, "names more; params.yaml has none"),
        ({"finetune": {"nets": {"fase": None}}}, "'finetune.nets' names fase; params.yaml has face"),
    ],
)
def test_a_mistake_in_an_overlay_is_named_with_its_file(raw, overlay, message):
    with pytest.raises(ParamsError, match=message):
        combine(raw, overlay, overlay_name="my.yaml")


def test_a_mistake_in_params_yaml_is_named_with_that_file(raw):
    raw["train"]["folds"] = 1
    with pytest.raises(ParamsError, match="^params.yaml: key 'train.folds' is 1"):
        combine(raw, {"train": {"seed": 2}}, overlay_name="my.yaml")


def test_both_files_are_read(raw, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(yaml.safe_dump(raw))
    Path("params.local.yaml").write_text("train: {folds: 7}\nfinetune: {nets: {seam: null}}\n")
    assert params.load("train").folds == 7
    assert params.was_removed("finetune", "nets", "seam")
    assert not params.was_removed("finetune", "nets", "face")
    assert not params.was_removed("finetune", "nets", "nope")


def test_wanted_blocks_are_those_made_unless_asked_otherwise(raw):
    raw["embed"]["backbones"] = {"small": {"model": "mobilenetv3_small_050"}}
    p = parse(raw, where="")
    named = wanted_blocks(p.spectral, p.embed, p.finetune, p.train)
    assert next(iter(named.items())) == ("face", "face")
    sorts = {"radial": "spectral", "embed_small": "embedding", "net_face": "net", "net_texture": "net"}
    assert sorts.items() <= named.items()
    some = p.train.model_copy(update={"blocks": ["radial"]})
    assert wanted_blocks(p.spectral, p.embed, p.finetune, some) == {"radial": "spectral"}
