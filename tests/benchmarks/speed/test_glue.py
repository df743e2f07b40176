"""The script and our path beside it: its few settings are ones that the product takes."""

import yaml

from benchmarks.quality.ours import Recipe, parameters
from benchmarks.speed.glue import MODEL, without_nets
from pipeline.runtime import params


def test_the_overlay_leaves_spectra_and_one_frozen_backbone(tmp_path):
    text = parameters(Recipe(tmp_path, tmp_path), holdout_source=None, changes=without_nets)
    settings = params.parse(yaml.safe_load(text), where="params.yaml")
    assert list(settings.embed.backbones) == [MODEL]
    assert not settings.finetune.nets
    assert not any(settings.variants.pseudo_fakes.values())
    assert settings.variants.degraded == 0
