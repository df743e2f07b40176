"""Our source files as definitions and imports, read from their text and never imported: where does a name lead?"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

PACKAGES = ("features", "models", "pipeline")

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_SCOPES = (*FUNCTIONS, ast.ClassDef, ast.Lambda, *COMPREHENSIONS)


class Symbol(NamedTuple):
    """A definition of ours. name : of a function, class or constant of the module, or `Class.method`."""

    module: str
    name: str


class Module(NamedTuple):
    """One source file.

    package : what its relative imports start from. definitions : the statements that make each name; a class stands
    there without its methods, and each of these as `Class.method`. methods : these names by class. imports :
    dotted path by name.
    """

    name: str
    package: str
    definitions: dict[str, list[ast.stmt]]
    methods: dict[str, set[str]]
    imports: dict[str, str]


class SourceTree:
    """Our modules. files : path and content by dotted name; a file is parsed when it is asked for."""

    def __init__(self, root: Path, files: Iterable[tuple[Path, bytes]]) -> None:
        self.root = root
        self._files = {_dotted(path.relative_to(root)): (path, source) for path, source in files}
        self._parsed: dict[str, Module] = {}

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the names and bytes of all files, in hexadecimal digits."""
        parts = (f"{name} {sha256(source).hexdigest()}" for name, (_, source) in sorted(self._files.items()))
        return sha256("\n".join(parts).encode()).hexdigest()

    def module(self, name: str) -> Module | None:
        """The module of that dotted name, None where it is not one of ours."""
        if name in self._files and name not in self._parsed:
            self._parsed[name] = _parse(name, *self._files[name])
        return self._parsed.get(name)

    def own(self, name: str) -> Module:
        """A module that is known to be ours."""
        module = self.module(name)
        assert module is not None, name
        return module

    def definitions(self, symbol: Symbol) -> list[ast.stmt]:
        """The statements that make a symbol."""
        return self.own(symbol.module).definitions[symbol.name]

    def methods(self, symbol: Symbol) -> list[Symbol]:
        """The methods in the body of a class."""
        names = self.own(symbol.module).methods.get(symbol.name, ())
        return [symbol._replace(name=name) for name in names]

    def find(self, target: str) -> Symbol:
        """The symbol of `package.module:symbol` or `package.module:Class.method`; ValueError lists the allowed."""
        name, _, own = target.partition(":")
        module = self.module(name)
        if module is None:
            raise ValueError(
                f"'{target}': found no module '{name}' under {self.root}; allowed is 'package.module:symbol' of "
                f"{', '.join(PACKAGES)}"
            )
        if own not in module.definitions:
            known = ", ".join(sorted(module.definitions)) or "none"
            raise ValueError(f"'{target}': {name} defines no '{own}'; allowed are {known}")
        return Symbol(name, own)

    def follow(self, path: Sequence[str], *, where: str) -> tuple[Symbol | Module | str, list[str]]:
        """What a dotted path leads to, and the attributes behind it; a path that leaves our code as it is.

        where : the module that names it, for the ValueError when a module of ours has no such name.
        """
        module = self.module(path[0])
        if module is None:
            return ".".join(path), []
        for index, name in enumerate(path[1:], start=1):
            inner, rest = f"{module.name}.{name}", list(path[index + 1 :])
            if name in module.definitions:
                return Symbol(module.name, name), rest
            if module.imports.get(name, inner) != inner:  # a package may import its own submodules
                return self.follow([*module.imports[name].split("."), *rest], where=where)
            if name.startswith("__"):  # of the module object: __name__, __path__
                return inner, rest
            below = self.module(inner)
            if below is None:
                known = ", ".join(sorted({*module.definitions, *module.imports})) or "none"
                raise ValueError(
                    f"{where}: found '{name}' of {module.name}, which has none; allowed are {known}"
                )
            module = below
        return module, []


def read_tree(root: Path) -> SourceTree:
    """The modules of PACKAGES under `root` as they are now; the tree of last time where none has changed."""
    paths = [path for package in PACKAGES for path in sorted((root / package).rglob("*.py"))]
    return _tree(root, tuple((path, path.read_bytes()) for path in paths))


@lru_cache(maxsize=4)
def _tree(root: Path, files: tuple[tuple[Path, bytes], ...]) -> SourceTree:
    """By content: the time of a file's last change is too coarse for quick edits."""
    return SourceTree(root, files)


def _dotted(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _parse(name: str, path: Path, source: bytes) -> Module:
    try:
        tree = ast.parse(source, filename=str(path))
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"{path}: found {error}; allowed is what Python can parse") from None
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    definitions: dict[str, list[ast.stmt]] = {}
    methods: dict[str, set[str]] = {}
    imports: dict[str, str] = {}
    for node in tree.body:
        for own, origin in bound([node], package=package).items():
            if origin is None:
                definitions.setdefault(own, []).append(_bare(node))
            elif own == "*" and origin.partition(".")[0] in PACKAGES:
                raise ValueError(f"{path}: found 'from {origin[:-2]} import *'; allowed are imports by name")
            else:
                imports[own] = origin
        if isinstance(node, ast.ClassDef):
            for method in (part for part in node.body if isinstance(part, FUNCTIONS)):
                methods.setdefault(node.name, set()).add(f"{node.name}.{method.name}")
                definitions.setdefault(f"{node.name}.{method.name}", []).append(method)
    for node in tree.body:
        for own in _touched(node) & definitions.keys():
            definitions[own].append(node)
    return Module(name, package, definitions, methods, imports)


def _bare(node: ast.stmt) -> ast.stmt:
    """A class without its methods; any other statement as it is."""
    if not isinstance(node, ast.ClassDef):
        return node
    bare = copy.copy(node)
    bare.body = [part for part in node.body if not isinstance(part, FUNCTIONS)]
    return bare


def _touched(node: ast.stmt) -> set[str]:
    """Names whose values a module-level statement may change: `TABLE[key] = f`, `TABLE.append(f)`."""
    parts: list[ast.AST] = []
    if isinstance(node, ast.Expr | ast.For | ast.While | ast.With):
        parts = [node]
    elif not isinstance(node, _SCOPES):
        places = [part for part in inside([node]) if isinstance(part, ast.Attribute | ast.Subscript)]
        parts = [place for place in places if not isinstance(place.ctx, ast.Load)]
    return {name.id for part in parts for name in ast.walk(part) if isinstance(name, ast.Name)}


def bound(nodes: Iterable[ast.AST], *, package: str) -> dict[str, str | None]:
    """The names that one scope binds, each with the dotted path that it imports, None where it imports nothing."""
    names: dict[str, str | None] = {}
    outer: set[str] = set()
    for node in inside(nodes):
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                names.setdefault(node.id)
        elif isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.ExceptHandler)) and node.name:
            names.setdefault(node.name)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                names[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: 1 - node.level or None] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            names |= {alias.asname or alias.name: f"{origin}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Global):
            outer |= set(node.names)
    return {name: origin for name, origin in names.items() if name not in outer}


def inside(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """The nodes of one scope, in order: a function, class or comprehension in it counts as one."""
    waiting = [*nodes][::-1]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _SCOPES):
            waiting += [*ast.iter_child_nodes(node)][::-1]
