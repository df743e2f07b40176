"""Recipes: overlays of params.yaml that are valid, and that hold only what differs."""

from pathlib import Path

import pytest
import yaml

from pipeline.runtime import params
from pipeline.runtime.names import check_names

ROOT = Path(__file__).parents[1]
RECIPES = sorted((ROOT / "recipes").glob("*.yaml"))


def leaves(tree, path=()):
    """Path and value of every setting of an overlay."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda p: p.stem)
def test_a_recipe_is_valid_and_holds_only_what_differs(recipe, monkeypatch):
    monkeypatch.chdir(ROOT)
    base, overlay = yaml.safe_load(Path("params.yaml").read_text()), yaml.safe_load(recipe.read_text())
    settings = params.combine(base, overlay, overlay_name=recipe.name)
    check_names(settings, {}, to_be_drawn=Path("data/demo"))
    shipped = params.parse(base, where="params.yaml").model_dump()
    for path, value in leaves(overlay):
        before = shipped
        for key in path:
            before = before[key]
        assert before != value, f"{recipe.name}: {'.'.join(path)} is the default"
