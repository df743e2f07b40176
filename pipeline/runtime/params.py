"""The settings in force: params.yaml with params.local.yaml laid over it, checked.

A stage asks for the sections that it reads, by name. params.yaml is tracked by git and holds the defaults;
params.local.yaml is a person's own, ignored by git, and holds what differs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, overload

import yaml
from pydantic import BaseModel, ValidationError

from models.errors import UserError
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
            f"{overlay_name if _holds(overlay, item['loc']) else where}: {_explain(item)}"
            for item in error.errors()
        ]
        raise ParamsError("\n".join(lines)) from None


def _holds(overlay: Settings | None, keys: Sequence[Any]) -> bool:
    """Whether this key stands in the overlay."""
    value: Any = overlay
    for key in keys:
        if not isinstance(value, Mapping):
            return isinstance(value, list)
        if key not in value:
            return False
        value = value[key]
    return overlay is not None


def _explain(item: Any) -> str:
    key = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        *parents, _ = item["loc"]
        return f"key '{key}' is unknown; allowed are {', '.join(_fields(parents))}"
    if item["type"] == "missing":
        return f"key '{key}' is missing; add it"
    if item["type"] == "string_pattern_mismatch":
        return f"'{key.removesuffix('.[key]')}' is no name; allowed are lower-case letters, digits and _, a letter first"
    return f"key '{key}' is {item['input']!r}: {item['msg'][0].lower()}{item['msg'][1:]}"


def _fields(parents: Sequence[Any]) -> list[str]:
    """Keys of the mapping under `parents`."""
    model: Any = Params
    for part in parents:
        field = getattr(model, "model_fields", {}).get(part)
        annotation = field.annotation if field is not None else model
        candidates = (annotation, *getattr(annotation, "__args__", ()))
        model = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), annotation)
        if model is dict or getattr(model, "__origin__", None) is dict:
            model = annotation.__args__[1]
    return sorted(getattr(model, "model_fields", {}))


def read_mapping(path: Path) -> dict[str, Any]:
    """A YAML file of sections; an empty one is an empty mapping.

    Raises
    ------
    ParamsError
        When the file is absent, is not YAML, or holds anything but a mapping.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParamsError(f"{path} is not in {Path.cwd()}; run from the repository's root") from None
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise ParamsError(f"{path} cannot be read as YAML: {' '.join(str(error).split())}") from None
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
        new = sorted(set(_mapping(named, key)) - set(_mapping(known, key)))
        if new:
            raise ParamsError(
                f"{overlay_name}: '{section}.{key}' names {', '.join(map(str, new))}; {PARAMS_FILE} has "
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
    overlay = read_mapping(local) if local.is_file() else {}
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
