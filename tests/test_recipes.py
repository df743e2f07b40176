"""Recipes: overlays of params.yaml that are valid, and the CPU one is what is shipped."""

from pathlib import Path

import pytest
import timm
from ruamel.yaml import YAML

from pipeline.configure import overlay
from pipeline.runtime import params

ROOT = Path(__file__).parents[1]
RECIPES = sorted((ROOT / "recipes").glob("*.yaml"))


def with_recipe(*recipes):
    yaml = YAML()
    tree = yaml.load((ROOT / "params.yaml").read_text())
    for recipe in recipes:
        overlay(tree, yaml.load(recipe.read_text()))
    return params.parse(tree, where=recipes[-1].name)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda p: p.stem)
def test_a_recipe_fits_params_yaml(recipe):
    made = with_recipe(recipe)
    entries = [*made.embed.backbones.values(), *made.finetune.nets.values()]
    assert entries
    for entry in entries:
        assert timm.is_model(entry.model.split(".")[0]), entry.model


def test_the_cpu_recipe_is_the_shipped_default():
    assert with_recipe(ROOT / "recipes/cpu.yaml") == params.read(ROOT / "params.yaml")


def test_the_cpu_recipe_goes_back_to_the_default_after_another():
    back = with_recipe(ROOT / "recipes/gpu.yaml", ROOT / "recipes/cpu.yaml")
    assert back == params.read(ROOT / "params.yaml")
