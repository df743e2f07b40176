"""Versions found from the code: a hash of a definition and of all of our code that it reaches.

Source files are read and never imported; an address costs milliseconds.

Followed, by name: functions, classes and module-level assignments; imports anywhere, re-exports included;
`module.attribute` chains; tables of functions; default arguments, decorators, base classes. Annotations lead to
classes. Of a class its body and its `__dunder__` methods count; any other method where the reached code reads an
attribute of that name; every method where a base is not ours, because that base may call it (`forward` of a torch
module). Not followed is a module that is imported for its side effects and named nowhere, and a decorator that
gives back the function it got: it only notes it down. So no block depends on the registry's other blocks.

Not hashed: formatting, comments, docstrings, annotations, import statements, where a definition stands, the
message of a `raise` or an `assert`, the keyword `description`, strings given to a decorator that only notes down.

Not known, so it needs a target or a fact of its own in the address:

- what is looked up at run time: functions in a registry, `getattr(x, name)`;
- the class of an argument that no annotation tells, or the subclass that is passed for the annotated base;
- a table that another module writes into; annotations that compute, as pydantic's conversions do;
- a method that foreign code calls by name on an object whose class has no foreign base;
- the versions of libraries, weights and other data.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from models.sourcecode.canonical import Reader
from models.sourcecode.modules import SourceTree, Symbol, read_tree

ROOT = Path(__file__).resolve().parents[1]


def fingerprint(*targets: str, root: Path = ROOT) -> str:
    """Hash of the source of `targets` and of all our code that they reach.

    Parameters
    ----------
    *targets : str
        `package.module:symbol` or `package.module:Class.method`; their order does not matter.
    root : Path
        Folder that holds our packages.

    Returns
    -------
    str
        16 hex digits, the same under every supported Python.

    Raises
    ------
    ValueError
        No target, a module or symbol that is not there, or a file that does not parse.
    """
    facts = _reach(targets, root)
    # A symbol stands in the text by its bare name, so that it may move; which of two namesakes is meant shows in
    # its mark. Marks take in those of the symbols named until no more of them differ.
    marks, different = dict.fromkeys(facts, ""), 0
    while len(set(marks.values())) > different:
        different = len(set(marks.values()))
        marks = {s: _hash(s.name, own.text, *(marks[r] for r in own.refs)) for s, own in facts.items()}
    return _hash(*sorted(set(marks.values())))[:16]


def tree_digest(root: Path = ROOT) -> str:
    """Hash of all of our source files, byte for byte: while it stays the same, so does every fingerprint."""
    return read_tree(root).digest


def reached(*targets: str, root: Path = ROOT) -> list[str]:
    """All that the fingerprint of `targets` depends on.

    Parameters
    ----------
    *targets : str
        As in `fingerprint`.
    root : Path
        Folder that holds our packages.

    Returns
    -------
    list of str
        `package.module:symbol`, sorted.

    Raises
    ------
    ValueError
        As in `fingerprint`.
    """
    return sorted(":".join(symbol) for symbol in _reach(targets, root))


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


class _Facts(NamedTuple):
    """One definition: its text, the symbols in it in order, all that it reaches, the attributes that it reads."""

    text: str
    refs: list[Symbol]
    reached: set[Symbol]
    reads: set[str]


def _reach(targets: Sequence[str], root: Path) -> dict[Symbol, _Facts]:
    """Facts of everything that the targets depend on: from name to name until nothing is new."""
    if not targets:
        raise ValueError("fingerprint: found no target; give 'package.module:symbol' at least once")
    tree = read_tree(root)
    facts: dict[Symbol, _Facts] = {}
    waiting = {tree.find(target) for target in targets}
    while waiting:
        facts |= {symbol: _facts(symbol, tree) for symbol in waiting}
        reads = {name for own in facts.values() for name in own.reads}
        named = {symbol for own in facts.values() for symbol in own.reached}
        methods = {method for symbol in facts for method in _methods(symbol, tree, reads=reads)}
        waiting = (named | methods) - facts.keys()
    return facts


@lru_cache(maxsize=4096)
def _facts(symbol: Symbol, tree: SourceTree) -> _Facts:
    reader = Reader(symbol.module, tree)
    text = ascii([*map(reader.visit, tree.definitions(symbol)), reader.imported(symbol.name)])
    owner = symbol.name.rpartition(".")[0]
    reached = {*reader.refs, *reader.unseen, *([symbol._replace(name=owner)] if owner else [])}
    return _Facts(text, reader.refs, reached, reader.reads)


def _methods(symbol: Symbol, tree: SourceTree, *, reads: set[str]) -> Iterator[Symbol]:
    """Methods of a reached class that count."""
    methods = tree.methods(symbol)
    anything = bool(methods) and _has_foreign_base(symbol, tree)
    for method in methods:
        name = method.name.rpartition(".")[2]
        if anything or name in reads or (name.startswith("__") and name.endswith("__")):
            yield method


def _has_foreign_base(symbol: Symbol, tree: SourceTree) -> bool:
    """Whether one of the bases of a class, or of theirs, is not a class of ours; True of anything else."""
    reader = Reader(symbol.module, tree)
    for node in tree.definitions(symbol):
        bases = [reader.resolve(base)[0] for base in node.bases] if isinstance(node, ast.ClassDef) else [None]
        if any(not isinstance(base, Symbol) or _has_foreign_base(base, tree) for base in bases):
            return True
    return False
