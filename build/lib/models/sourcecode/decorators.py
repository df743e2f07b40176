"""Decorators that register: they note down the function that they get, and give it back as it is."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from models.sourcecode.modules import inside


def only_notes(definition: Sequence[ast.stmt], decorator: ast.expr) -> bool:
    """Whether a decorator gives back the very function that it gets.

    definition : the statements that make its name. In doubt it does not.
    """
    match definition:
        case [ast.FunctionDef(decorator_list=[]) as function]:
            pass
        case _:
            return False
    if not isinstance(decorator, ast.Call):
        return _gives_back(function)
    makes = {part.name: part for part in function.body if isinstance(part, ast.FunctionDef)}
    returned = _returned(function)
    return bool(returned) and all(name in makes and _gives_back(makes[name]) for name in returned)


def without_texts(decorator: ast.expr) -> list[ast.expr | ast.keyword]:
    """The arguments of a decorator that are more than a string."""
    call = decorator if isinstance(decorator, ast.Call) else ast.Call(decorator, [], [])
    values = [(part, part) for part in call.args] + [(part, part.value) for part in call.keywords]
    return [part for part, value in values if not _is_text(value)]


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _gives_back(function: ast.FunctionDef) -> bool:
    """Whether a function returns its first argument and nothing else."""
    plain = not function.decorator_list and not any(
        isinstance(node, ast.Yield | ast.YieldFrom) for node in inside(function.body)
    )
    return plain and _returned(function) == {parameter.arg for parameter in function.args.args[:1]} != set()


def _returned(function: ast.FunctionDef) -> set[str | None]:
    """Names that a function returns; None for anything else, a name that it assigns among them."""
    nodes = [*inside(function.body)]
    assigned = {
        node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    }
    values = [node.value for node in nodes if isinstance(node, ast.Return)]
    return {v.id if isinstance(v, ast.Name) and v.id not in assigned else None for v in values}
