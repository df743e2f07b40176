"""Write a person's settings into params.local.yaml, which is laid over params.yaml, and draw the demo faces."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.demo.dataset import is_demo_set, make_dataset
from pipeline.runtime import params, yaml_file
from pipeline.runtime.command import run
from pipeline.runtime.effective_params import checked_models, previous
from pipeline.runtime.names import check_names
from pipeline.runtime.params import LOCAL_FILE, PARAMS_FILE, Params, ParamsError
from pipeline.runtime.reference import reference
from pipeline.storage.outputs import text_output

DEMO = Path("data/demo")
DEMO_SEED = 0
HEADER = f"# Your settings, laid over {PARAMS_FILE}. Written by `make repro DATA=... WEIGHTS=... PARAMS=...`; git ignores it.\n"


def local_settings(
    before: dict[str, Any], *, data: str | None, weights: str | None, overlay: dict[str, Any] | None
) -> dict[str, Any]:
    """What params.local.yaml shall hold.

    Parameters
    ----------
    before : dict
        What it holds.
    data, weights : str
        Folders; None keeps the one that is there, an empty string goes back to params.yaml's.
    overlay : dict
        Takes the place of everything but the two folders; None keeps what is there.
    """
    settings = dict(before)
    if overlay is not None:
        given = _section(settings, "data")
        folders = {key: given[key] for key in ("root", "weights") if key in given}
        settings = params.merge({"data": folders}, overlay)
    places = dict(_section(settings, "data"))
    settings.pop("data", None)
    for key, path in (("root", data), ("weights", weights)):
        if path:
            places[key] = str(Path(path).absolute())
        elif path is not None:
            places.pop(key, None)
    return ({"data": places} if places else {}) | settings


def _section(settings: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A section of settings that nobody has checked yet, or nothing."""
    section = settings.get(name)
    return section if isinstance(section, Mapping) else {}


def check(settings: dict[str, Any], overlays: Mapping[str, Mapping[str, Any]]) -> Params:
    """The settings in force with what params.local.yaml shall hold.

    Parameters
    ----------
    settings : dict
        What it shall hold.
    overlays : mapping of str to dict
        Where that comes from, by file, the strongest first.

    Raises
    ------
    ParamsError
        For wrong keys, values, names and paths, each with the file that sets it.
    """
    combined = params.combine(params.read_mapping(PARAMS_FILE), settings, overlay_name=str(LOCAL_FILE))
    to_be_drawn = Path(combined.data.root) if is_demo(combined) else None
    check_names(combined, overlays, known_models=checked_models(previous()), to_be_drawn=to_be_drawn)
    return combined


def is_demo(settings: Params) -> bool:
    """Whether the data set is the demo, which is drawn where it is missing."""
    return Path(settings.data.root).absolute() == DEMO.absolute()


def draw_demo(images: int) -> None:
    """Draw the demo set where it is missing, or in place of one of another size. DemoDataError for anything else."""
    same = is_demo_set(DEMO, images=images, seed=DEMO_SEED)
    make_dataset(DEMO, images=images, seed=DEMO_SEED, force=not same and is_demo_set(DEMO))


def write(settings: dict[str, Any]) -> None:
    """Write params.local.yaml in one step, through a link too, or remove it when it would say nothing."""
    if not settings:
        LOCAL_FILE.unlink(missing_ok=True)
        return
    with text_output(LOCAL_FILE) as file:
        file.write(HEADER + yaml_file.dump(settings))


def let_dvc_do_without_git() -> None:
    """Tell DVC, where this is a source archive and no clone; what tells it is a file that git would ignore."""
    here, told = Path.cwd(), Path(".dvc/config.local")
    if not told.parent.is_dir() or any((folder / ".git").exists() for folder in (here, *here.parents)):
        return
    if not told.is_file() or "no_scm" not in told.read_text(encoding="utf-8", errors="replace"):
        command = [sys.executable, "-m", "dvc", "config", "--local", "core.no_scm", "true"]
        subprocess.run(command, check=False)  # what it has against it, DVC says itself


def parser() -> argparse.ArgumentParser:
    """The command line."""
    options = argparse.ArgumentParser(prog="python -m pipeline.configure", description=__doc__)
    options.add_argument(
        "--data", help="folder of a data set in the challenge's layout; kept until given again"
    )
    options.add_argument("--weights", help="folder of local checkpoints; kept until given again")
    options.add_argument(
        "--params", help=f"YAML file laid over {PARAMS_FILE}, instead of an earlier one; '': none"
    )
    options.add_argument("--reset", action="store_true", help="the same as --params ''")
    options.add_argument(
        "--reference", action="store_true", help="print docs/parameters.md, and do nothing else"
    )
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    options = parser().parse_args(arguments)
    if options.reference:
        print(reference(params.read_mapping(PARAMS_FILE)), end="")
        return
    for name in ("data", "weights"):
        path = getattr(options, name)
        if path and not os.path.isdir(path) and Path(path).absolute() != DEMO.absolute():
            raise ParamsError(f"--{name} {path} is not a folder; give one that is there")
    if options.params and not os.path.isfile(options.params):
        raise ParamsError(
            f"--params {options.params} is not a file; give a YAML file, e.g. recipes/quick.yaml"
        )
    path = "" if options.reset else options.params
    overlay = None if path is None else params.read_mapping(Path(path)) if path else {}
    if overlay:
        # As it is: below it is mixed with what was there.
        params.combine(params.read_mapping(PARAMS_FILE), overlay, overlay_name=str(path))
    before = params.read_mapping(LOCAL_FILE) if LOCAL_FILE.exists() else {}
    settings = local_settings(before, data=options.data, weights=options.weights, overlay=overlay)
    combined = check(settings, ({str(path): overlay} if overlay else {}) | {str(LOCAL_FILE): settings})
    if settings != before:
        write(settings)
    let_dvc_do_without_git()
    if is_demo(combined):
        draw_demo(combined.data.demo_images)


if __name__ == "__main__":
    run("configure")
