"""What a message says of a mistake in the settings: short, whatever stands there."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from pipeline.runtime.sections import Params

SHOWN = 80  # characters of a value that a message quotes
SHOWN_PATH = 300
LISTED = 10  # names, and mistakes, that one message lists

_short = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = SHOWN
_short.maxlevel = 2


def shown(value: Any, *, quoted: bool = True) -> str:
    """A value as a message quotes it: bounded in length, and in time for a value that holds itself many times."""
    if value is None:
        return "null"
    if isinstance(value, str) and not quoted:
        return value if len(value) <= SHOWN else f"{value[:SHOWN]}..."
    try:
        return _short.repr(value)
    except ValueError:  # Python refuses to write a number of thousands of digits
        return "a number of thousands of digits"


def shown_path(path: object) -> str:
    """A path as a message quotes it."""
    text = str(path)
    return text if len(text) <= SHOWN_PATH else f"{text[:SHOWN_PATH]}..."


def names(given: Sequence[Any]) -> str:
    """Names in a row, the first of them."""
    more = f" and {len(given) - LISTED} more" if len(given) > LISTED else ""
    return ", ".join(shown(name, quoted=False) for name in given[:LISTED]) + more


def holds(overlay: Mapping[str, Any] | None, keys: Sequence[Any]) -> bool:
    """Whether this key stands in the overlay."""
    value: Any = overlay
    for key in keys:
        if not isinstance(value, Mapping):
            return isinstance(value, list)
        if key not in value:
            return False
        value = value[key]
    return overlay is not None


def explain(item: Any) -> str:
    """One mistake that pydantic found: key, value, what is allowed."""
    key = ".".join(shown(part, quoted=False) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        *parents, _ = item["loc"]
        return f"key '{key}' is unknown; allowed are {', '.join(_fields(parents))}"
    if item["type"] == "missing":
        return f"key '{key}' is missing; add it"
    if item["type"] == "string_pattern_mismatch":
        return f"'{key.removesuffix('.[key]')}' is no name; allowed are lower-case letters, digits and _, a letter first"
    if item["type"] == "string_unicode":
        return f"key '{key}' is {shown(item['input'])}, which is not UTF-8; rename it, or name a link to it"
    return f"key '{key}' is {shown(item['input'])}: {item['msg'][0].lower()}{item['msg'][1:]}"


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
