"""Public functions and classes of features/ are documented in numpydoc sections."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from importlib import import_module

import pytest

import features

MODULES = sorted(m.name for m in pkgutil.walk_packages(features.__path__, "features.") if not m.ispkg)


def public() -> Iterator[tuple[str, object]]:
    """Name and object of each public class, function and method that is written in features/."""
    for module in MODULES:
        for name, definition in vars(import_module(module)).items():
            if not name.startswith("_") and getattr(definition, "__module__", "") == module:
                yield f"{module}.{name}", definition
                if inspect.isclass(definition):
                    methods = inspect.getmembers(definition, inspect.isfunction)
                    yield from ((f"{module}.{name}.{m}", f) for m, f in methods if not m.startswith("_"))


DEFINITIONS = {
    name: definition
    for name, definition in public()
    if inspect.isroutine(definition) or inspect.isclass(definition)
}


def section(definition: object, title: str) -> str:
    """Text of one numpydoc section, empty without it."""
    text = (inspect.getdoc(definition) or "").partition(f"{title}\n{'-' * len(title)}\n")[2]
    return text.partition("\n---")[0]


@pytest.mark.parametrize("name", DEFINITIONS)
def test_every_name_is_described(name):
    definition = DEFINITIONS[name]
    if is_dataclass(definition):
        title, names = "Attributes", [field.name for field in fields(definition)]
    else:
        title, names = "Parameters", [n for n in inspect.signature(definition).parameters if n != "self"]
    described = {
        n.strip() for line in section(definition, title).splitlines() for n in line.split(" : ")[0].split(",")
    }
    lacking = [n for n in names if n not in described]
    assert not lacking, (
        f"docstring of {name}: add {lacking} under the section {title} (name : type, shape, unit)"
    )


@pytest.mark.parametrize(
    "name", [n for n, definition in DEFINITIONS.items() if inspect.isroutine(definition)]
)
def test_the_result_is_described(name):
    assert section(DEFINITIONS[name], "Returns"), (
        f"docstring of {name}: add the section Returns (type, shape, unit)"
    )


@pytest.mark.parametrize("name", [n for n, definition in DEFINITIONS.items() if inspect.isclass(definition)])
def test_properties_have_a_docstring(name):
    members = vars(DEFINITIONS[name]).items()
    lacking = [
        m for m, value in members if not m.startswith("_") and hasattr(value, "__doc__") and not value.__doc__
    ]
    assert not lacking, f"{name}: say in one sentence what {lacking} holds, with dtype, shape and unit"
