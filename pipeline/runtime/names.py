"""Names and paths of the settings, compared with what there is."""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from features.spectral import blocks
from models.generators.registry import GENERATORS
from models.kinds import LABELLED
from models.synthesis.pseudo_fakes import kinds
from pipeline.runtime.mistakes import holds, shown, shown_path
from pipeline.runtime.mistakes import names as listed
from pipeline.runtime.params import PARAMS_FILE, Backbone, Net, Params, ParamsError

HOW = {
    "data.root": "`make repro DATA=FOLDER`; `make repro DATA=` draws the demo set",
    "data.weights": "`make repro WEIGHTS=FOLDER`",
}
Mistake = tuple[str, str]  # key, and what is wrong with it
WORDS = ("none", "auto", "pretrained")  # of `weights`, that are not paths


def check_names(
    settings: Params,
    overlays: Mapping[str, Mapping[str, Any]],
    *,
    known_models: Collection[str] = (),
    to_be_drawn: Path | None = None,
) -> None:
    """Check the names of blocks, kinds and models, and the paths of data and weights.

    Parameters
    ----------
    settings : Params
        The settings in force.
    overlays : mapping of str to mapping
        What was laid over params.yaml, by file, the strongest first: a mistake is that of the file which sets its key.
    known_models : collection of str
        Names of timm models that need no check: importing timm takes seconds.
    to_be_drawn : Path
        A data set that may be absent yet.

    Raises
    ------
    ParamsError
        One line for each mistake: the file, the key, what was found, what is allowed.
    """
    mistakes = [
        *_paths(settings, to_be_drawn),
        *_blocks(settings),
        *_kinds(settings),
        *_models(settings, known_models),
    ]
    if mistakes:
        lines = (f"{_file_of(key, overlays)}: key '{key}' {mistake}" for key, mistake in mistakes)
        raise ParamsError("\n".join(lines))


def _file_of(key: str, overlays: Mapping[str, Mapping[str, Any]]) -> str:
    """The file that sets a key."""
    return next(
        (name for name, overlay in overlays.items() if holds(overlay, key.split("."))), str(PARAMS_FILE)
    )


def _unknown(key: str, names: Iterable[str], allowed: Collection[str]) -> list[Mistake]:
    wrong = [name for name in names if name not in allowed]
    return [(key, f"names {listed(wrong)}; allowed are {', '.join(allowed)}")] if wrong else []


def _repeated(key: str, names: list[str]) -> list[Mistake]:
    twice = sorted({name for name in names if names.count(name) > 1})
    return [(key, f"names {listed(twice)} twice; name each once")] if twice else []


def _paths(settings: Params, to_be_drawn: Path | None) -> list[Mistake]:
    folders = {"data.root": Path(settings.data.root), "data.weights": Path(settings.data.weights)}
    mistakes = [
        (key, f"is {shown_path(path)}, which is not a folder; give one that is there ({HOW[key]})")
        for key, path in folders.items()
        if path != to_be_drawn and not os.path.isdir(path)
    ]
    for key, net in _nets(settings).items():
        if net.weights in WORDS:
            continue
        path = Path(net.weights)
        if not os.path.isfile(path):
            wrong = f"which is not a file; allowed are {', '.join(WORDS)} or the path of a .safetensors or .pth file"
            mistakes.append((f"{key}.weights", f"is {shown_path(path)}, {wrong}"))
        elif not os.path.isfile(path.with_suffix(".json")):
            absent = path.with_suffix(".json").name
            wrong = f"but {absent} is not beside it; data/weights/README.md says what it holds"
            mistakes.append((f"{key}.weights", f"is {shown_path(path)}, {wrong}"))
    return mistakes


def _blocks(settings: Params) -> list[Mistake]:
    made = [
        "face",
        *settings.spectral.blocks,
        *(f"embed_{name}" for name in settings.embed.backbones),
        *(f"net_{name}" for name in settings.finetune.nets),
    ]
    chosen = settings.train.blocks or []
    return [
        *_unknown("spectral.blocks", settings.spectral.blocks, sorted(blocks())),
        *_repeated("spectral.blocks", settings.spectral.blocks),
        *_unknown("train.blocks", chosen, made),
        *_repeated("train.blocks", chosen),
    ]


def _kinds(settings: Params) -> list[Mistake]:
    known = (*kinds(), *GENERATORS)
    mistakes = _unknown("variants.pseudo_fakes", settings.variants.pseudo_fakes, known)
    for name, net in settings.finetune.nets.items():
        mistakes += _unknown(f"finetune.nets.{name}.heads", net.heads, (LABELLED, *known))
    return mistakes


def _models(settings: Params, known: Collection[str]) -> list[Mistake]:
    new = {key: net.model for key, net in _nets(settings).items() if net.model not in known}
    if not new:
        return []
    import timm

    mistakes = []
    for key, model in new.items():
        name, _, tag = model.partition(".")
        if not timm.is_model(name):
            near = difflib.get_close_matches(name, timm.list_models(), n=3)
            hint = f"near it are {', '.join(near)}" if near else "`timm.list_models()` lists its names"
            wrong = f"which timm does not know; {hint}"
            mistakes.append((f"{key}.model", f"is {shown(model, quoted=False)}, {wrong}"))
        elif tag and model not in timm.list_pretrained(f"{name}.*"):
            tags = ", ".join(timm.list_pretrained(f"{name}.*")) or f"{name} alone"
            wrong = f"whose tag timm does not know; allowed are {tags}"
            mistakes.append((f"{key}.model", f"is {shown(model, quoted=False)}, {wrong}"))
    return mistakes


def _nets(settings: Params) -> dict[str, Backbone | Net]:
    return {
        **{f"embed.backbones.{name}": net for name, net in settings.embed.backbones.items()},
        **{f"finetune.nets.{name}": net for name, net in settings.finetune.nets.items()},
    }
