"""Write DATA, WEIGHTS and an overlay of parameters into params.yaml, and make the demo data if asked for."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError

from pipeline.demo.dataset import DemoDataError, make_dataset
from pipeline.runtime import params
from pipeline.runtime.command import run

DEMO = Path("data/demo")
DEMO_IMAGES = 400
DEMO_SEED = 0


def overlay(base: CommentedMap, changes: Mapping[str, Any]) -> None:
    """Lay `changes` over `base` in place, mapping by mapping; `null` removes a mapping."""
    for key, value in changes.items():
        here = base.get(key)
        if isinstance(value, Mapping) and isinstance(here, CommentedMap):
            overlay(here, value)
        elif value is None and isinstance(here, CommentedMap):
            del base[key]
        else:
            base[key] = value


def relative(path: str) -> str:
    """A path as params.yaml keeps it: relative to the repository where it can be, without a slash at its end."""
    return Path(os.path.relpath(path)).as_posix() if not os.path.isabs(path) else str(Path(path))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m pipeline.configure", description=__doc__)
    parser.add_argument("--data", help="folder of a data set in the challenge's layout -> data.root")
    parser.add_argument("--weights", help="folder of local checkpoints -> data.weights")
    parser.add_argument("--params", type=Path, help="YAML file laid over params.yaml")
    asked = parser.parse_args(arguments)
    yaml = YAML()
    yaml.width = 200
    yaml.representer.add_representer(
        type(None), lambda made, _: made.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    before = params.PARAMS_FILE.read_text(encoding="utf-8")
    tree = yaml.load(before)
    if asked.params is not None:
        if not asked.params.is_file():
            parser.error(f"--params {asked.params} is not a file")
        try:
            overlay(tree, yaml.load(asked.params.read_text(encoding="utf-8")) or {})
        except (YAMLError, AttributeError) as error:
            parser.error(f"{asked.params} is not a YAML mapping of sections: {error}")
    for key, value in (("root", asked.data), ("weights", asked.weights)):
        if value is not None:
            if not Path(value).is_dir():
                parser.error(f"{value} is not a folder; give one that is there")
            tree["data"][key] = relative(value)
    text = StringIO()
    yaml.dump(tree, text)
    try:
        checked = params.parse(
            YAML(typ="safe").load(text.getvalue()), where=str(asked.params or params.PARAMS_FILE)
        )
    except params.ParamsError as error:
        parser.error(str(error))
    if text.getvalue() != before:
        params.PARAMS_FILE.write_text(text.getvalue(), encoding="utf-8")
    if Path(checked.data.root) == DEMO:
        try:
            make_dataset(DEMO, images=DEMO_IMAGES, seed=DEMO_SEED)
        except DemoDataError as error:
            parser.error(str(error))


if __name__ == "__main__":
    run("configure")
