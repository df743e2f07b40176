"""The reference of all settings, docs/parameters.md, from where they are declared."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from pipeline.runtime.params import Params

INTRODUCTION = """\
# Parameters
Every setting of [params.yaml](../params.yaml): its default, what is allowed, and what it means. Written by
`python -m pipeline.configure --reference > docs/parameters.md` from the code that checks the settings.
[guide.md](guide.md#settings) says how to change them. The files are YAML 1.2; a whole number is at most 2,147,483,647.
"""
TYPES = {bool: "`true` or `false`", int: "whole number", float: "number", str: "text"}


def reference(shipped: Mapping[str, Any]) -> str:
    """Markdown: a table for each section, and for the entries of its mappings.

    Parameters
    ----------
    shipped : mapping
        What params.yaml holds: the defaults of the table.
    """
    parts = [INTRODUCTION]
    for name, field in Params.model_fields.items():
        parts += _section(field.annotation, name, shipped.get(name, {}))
    return "\n".join(parts)


def _section(model: Any, title: str, values: Mapping[str, Any] | None) -> Iterator[str]:
    """A section as Markdown, then the entries that it holds. values : None for the defaults of the code."""
    yield f"## {title}\n{' '.join(model.__doc__.split())}\n"
    yield "| setting | default | allowed | meaning |\n|---|---|---|---|"
    entries = []
    for key, field in model.model_fields.items():
        default = (
            field.get_default(call_default_factory=True) if values is None else values.get(key, field.default)
        )
        entry = _entry_model(field.annotation)
        if entry is not None:
            entries.append((key, entry))
            shown = ", ".join(f"`{name}`" for name in default or ()) or "none"
        else:
            shown = "required" if default is PydanticUndefined else f"`{json.dumps(default)}`"
        yield f"| `{key}` | {shown} | {_allowed(field)} | {field.description} |"
    yield ""
    for key, entry in entries:
        yield from _section(entry, f"{title}.{key}.NAME", None)


def _entry_model(annotation: Any) -> type[BaseModel] | None:
    """The model of a mapping's values, None for anything else."""
    if get_origin(annotation) is not dict:
        return None
    value = get_args(annotation)[1]
    return value if isinstance(value, type) and issubclass(value, BaseModel) else None


def _allowed(field: FieldInfo) -> str:
    """Type and bounds in words."""
    return _type(field.annotation, field.metadata)


def _type(annotation: Any, metadata: list[Any]) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if hasattr(annotation, "__metadata__"):
        return _type(arguments[0], [*_flat(annotation.__metadata__), *metadata])
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if NoneType in arguments:
        return f"`null` or {_type(next(a for a in arguments if a is not NoneType), metadata)}"
    if origin is list:
        return "list of names"
    if origin is tuple:
        return f"{len(arguments)} of: {_type(arguments[0], [])}"
    if origin is dict:
        entry = _entry_model(annotation)
        return "entries, see below" if entry else f"by name, {_type(arguments[1], [])}"
    return " ".join([TYPES[annotation], _range(metadata)]).strip()


def _flat(metadata: tuple[Any, ...]) -> list[Any]:
    return [part for item in metadata for part in (item.metadata if isinstance(item, FieldInfo) else [item])]


def _range(metadata: list[Any]) -> str:
    """Bounds as `0 to 1`, `above 0 and up to 4`, or `1 or more`."""
    found = {
        name: f"{getattr(item, name):g}"
        if isinstance(getattr(item, name), float)
        else str(getattr(item, name))
        for item in metadata
        for name in ("ge", "gt", "le", "lt")
        if hasattr(item, name)
    }
    if "ge" in found and "le" in found:
        return f"{found['ge']} to {found['le']}"
    if set(found) == {"ge"}:
        return f"{found['ge']} or more"
    words = {"ge": "from", "gt": "above", "le": "up to", "lt": "below"}
    return " and ".join(f"{word} {found[name]}" for name, word in words.items() if name in found)
