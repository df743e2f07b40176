"""The settings in force: params.yaml with params.local.yaml laid over it, checked.

A stage asks for the sections that it reads, by name. params.yaml is tracked by git and holds the defaults;
params.local.yaml is a person's own, ignored by git, and holds what differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, overload

from pydantic import ValidationError

from models.errors import UserError
from pipeline.runtime import yaml_file
from pipeline.runtime.mistakes import LISTED, explain, holds, names, shown
from pipeline.runtime.sections import (
    Backbone,
    Compute,
    Data,
    Embed,
    Evaluate,
    Faces,
    Finetune,
    Manifest,
    Net,
    Params,
    Report,
    Section,
    Spectral,
    Train,
    Variants,
)

__all__ = [
    "LOCAL_FILE",
    "PARAMS_FILE",
    "Backbone",
    "Compute",
    "Data",
    "Embed",
    "Evaluate",
    "Faces",
    "Finetune",
    "Manifest",
    "Net",
    "Params",
    "ParamsError",
    "Report",
    "Section",
    "Spectral",
    "Train",
    "Variants",
    "combine",
    "load",
    "merge",
    "parse",
    "read",
    "read_mapping",
    "was_removed",
]

PARAMS_FILE = Path("params.yaml")
LOCAL_FILE = Path("params.local.yaml")
ENTRIES = (("embed", "backbones"), ("finetune", "nets"), ("variants", "pseudo_fakes"))  # null removes one
STAGE_ENTRIES = ENTRIES[:2]  # dvc.yaml makes a stage of each of these

Settings = Mapping[str, Any]


class ParamsError(UserError):
    """Settings that cannot be used; the message names file, key, value and what is allowed."""


def merge(base: Settings, changes: Settings) -> dict[str, Any]:
    """`changes` laid over `base`, mapping by mapping; `null` removes an entry of ENTRIES.

    Returns
    -------
    dict
        New at every level that differs; `base` stays as it is.
    """
    return _merge(base, changes, ())


def _merge(base: Settings, changes: Settings, path: tuple[str, ...]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        before = merged.get(key)
        if value is None and path in ENTRIES:
            merged.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(before, Mapping):
            merged[key] = _merge(before, value, (*path, key))
        else:
            merged[key] = value
    return merged


def parse(raw: Any, *, where: str, overlay: Settings | None = None, overlay_name: str = "") -> Params:
    """Check a mapping of sections.

    Parameters
    ----------
    raw : mapping
        All settings, those of an overlay included.
    where : str
        The file that a message names.
    overlay, overlay_name : mapping, str
        What was laid over it; a mistake in it is named with its own file.

    Raises
    ------
    ParamsError
        One line for every wrong key: what was found and what is allowed.
    """
    try:
        return Params.model_validate(raw)
    except ValidationError as error:
        lines = [
            f"{overlay_name if holds(overlay, item['loc']) else where}: {explain(item)}"
            for item in error.errors()[:LISTED]
        ]
        if error.error_count() > LISTED:
            lines.append(f"and {error.error_count() - LISTED} more mistakes")
        raise ParamsError("\n".join(lines)) from None


def read_mapping(path: Path) -> dict[str, Any]:
    """A YAML file of sections; an empty one is an empty mapping.

    Raises
    ------
    ParamsError
        When the file is absent, is not YAML, or holds anything but a mapping.
    """
    try:
        raw = yaml_file.load(path)
    except FileNotFoundError:
        raise ParamsError(f"{path} is not in {Path.cwd()}; run from the repository's root") from None
    except OSError as error:
        raise ParamsError(f"{path} cannot be read: {error.strerror}; name a YAML file") from None
    except yaml_file.NotYamlError as error:
        hint = "; correct it, or delete it to go back to the defaults" if path == LOCAL_FILE else ""
        raise ParamsError(f"{path} cannot be read as YAML: {shown(str(error), quoted=False)}{hint}") from None
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise ParamsError(f"{path} holds no YAML mapping of sections; write e.g. `train: {{folds: 5}}`")
    return raw


def combine(base: Settings, overlay: Settings, *, overlay_name: str) -> Params:
    """The settings of params.yaml with an overlay laid over them, checked.

    Raises
    ------
    ParamsError
        For what `parse` refuses, and for a net or backbone that params.yaml does not have.
    """
    for section, key in STAGE_ENTRIES:
        known, named = ((raw.get(section) or {}) for raw in (base, overlay))
        new = [name for name in _mapping(named, key) if name not in _mapping(known, key)]
        if new:
            raise ParamsError(
                f"{overlay_name}: '{section}.{key}' names {names(new)}; {PARAMS_FILE} has "
                f"{', '.join(_mapping(known, key)) or 'none'}. An overlay may change or remove an entry; add new ones to "
                f"{PARAMS_FILE}"
            )
    merged = merge(base, overlay)
    return parse(merged, where=str(PARAMS_FILE), overlay=overlay, overlay_name=overlay_name)


def _mapping(section: Any, key: str) -> Mapping[str, Any]:
    value = section.get(key) if isinstance(section, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def read(path: Path = PARAMS_FILE, local: Path = LOCAL_FILE) -> Params:
    """Read and check both files. `local` may be absent.

    Raises
    ------
    ParamsError
        Where and what.
    """
    overlay = read_mapping(local) if local.exists() else {}
    return combine(read_mapping(path), overlay, overlay_name=str(local))


def was_removed(section: str, key: str, name: str) -> bool:
    """Whether params.yaml has this net or backbone and params.local.yaml removed it: its stage then makes nothing."""
    shipped = read_mapping(PARAMS_FILE).get(section)
    return name in _mapping(shipped, key) and name not in getattr(getattr(read(), section), key)


@overload
def load(name: Literal["data"]) -> Data: ...
@overload
def load(name: Literal["manifest"]) -> Manifest: ...
@overload
def load(name: Literal["faces"]) -> Faces: ...
@overload
def load(name: Literal["spectral"]) -> Spectral: ...
@overload
def load(name: Literal["embed"]) -> Embed: ...
@overload
def load(name: Literal["variants"]) -> Variants: ...
@overload
def load(name: Literal["finetune"]) -> Finetune: ...
@overload
def load(name: Literal["train"]) -> Train: ...
@overload
def load(name: Literal["evaluate"]) -> Evaluate: ...
@overload
def load(name: Literal["report"]) -> Report: ...
@overload
def load(name: Literal["compute"]) -> Compute: ...
def load(name: str) -> Any:
    """One section of the settings in force, of the run in the working directory."""
    return getattr(read(), name)
