"""What of a definition's source counts, as text that is the same under every Python, and what it names."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from models.sourcecode.decorators import only_notes, without_texts
from models.sourcecode.modules import Module, SourceTree, Symbol, bound


class Reader(ast.NodeVisitor):
    """Writes nodes as nested tuples, and notes what they name on the way.

    What is ours stands there by its bare name, what is imported from elsewhere by its whole path, however the
    module spells it. `()` stands for what does not count.

    refs : the symbols written, in order. unseen : symbols reached without being written, by annotations. reads :
    attributes of values.
    """

    def __init__(self, module: str, tree: SourceTree, *, aliases: frozenset[Symbol] = frozenset()) -> None:
        self.module, self.tree = tree.own(module), tree
        self.refs: list[Symbol] = []
        self.unseen: set[Symbol] = set()
        self.reads: set[str] = set()
        self._aliases = aliases  # of types, being read
        self._scope: dict[str, str | None] = {}  # what the functions around bind

    def resolve(self, node: ast.AST) -> tuple[Symbol | Module | str | None, list[str]]:
        """What a chain `a.b.c` leads to, and the attributes left over; None for a local, a builtin or no chain."""
        chain: list[str] = []
        while isinstance(node, ast.Attribute):
            chain.insert(0, node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None, []
        if node.id not in self._scope and node.id in self.module.definitions:
            return Symbol(self.module.name, node.id), chain
        origin = self._scope.get(node.id) if node.id in self._scope else self.module.imports.get(node.id)
        if origin is None:
            return None, []
        return self.tree.follow([*origin.split("."), *chain], where=self.module.name)

    def imported(self, name: str) -> Any:
        """What the module imports under a name that it also defines, as in `f = cached(f)`."""
        if name not in self.module.imports:
            return ()
        return self._named(*self.tree.follow(self.module.imports[name].split("."), where=self.module.name))

    def annotation(self, node: ast.AST | None) -> None:
        """Reach the classes that an annotation names, also in quotes or through an alias of types."""
        for part in ast.walk(node) if node else ():
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                with suppress(SyntaxError):  # the words of a Literal
                    self.annotation(ast.parse(part.value, mode="eval").body)
            symbol, _ = self.resolve(part)
            if isinstance(symbol, Symbol) and symbol not in self._aliases:
                self.unseen |= _classes(symbol, self.tree, aliases=self._aliases | {symbol})

    def value(self, value: Any) -> Any:
        """A node, or a list of nodes without those that do not count; anything else as it is."""
        if isinstance(value, list):
            return tuple(part for part in map(self.value, value) if part != ())
        return self.visit(value) if isinstance(value, ast.AST) else value

    def generic_visit(self, node: ast.AST) -> Any:
        fields = ((name, self.value(value)) for name, value in ast.iter_fields(node) if name != "ctx")
        return type(node).__name__, *(field for field in fields if field[1] not in (None, ()))

    def visit_Name(self, node: ast.Name) -> Any:
        found, rest = self.resolve(node)
        return ("Name", node.id) if found is None else self._named(found, rest)

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        found, rest = self.resolve(node)
        if found is not None:
            return self._named(found, rest)
        self.reads.add(node.attr)
        return "Attribute", self.visit(node.value), node.attr

    def _named(self, found: Symbol | Module | str, rest: Sequence[str]) -> Any:
        if isinstance(found, str):
            return "Name", ".".join([found, *rest])
        if isinstance(found, Module):  # as a value: anything in it may be meant
            self.refs += [Symbol(found.name, name) for name in sorted(found.definitions)]
            return ("Module",)
        self.refs.append(found)
        self.reads |= set(rest)
        written: tuple[Any, ...] = ("Symbol", found.name)
        for attribute in rest:
            written = ("Attribute", written, attribute)
        return written

    def visit_Call(self, node: ast.Call) -> Any:
        match node:
            case ast.Call(func=ast.Name(id="getattr"), args=[_, ast.Constant(value=str(name)), *_]):
                self.reads.add(name)
        return self.generic_visit(node)

    def visit_MatchClass(self, node: ast.MatchClass) -> Any:
        self.reads |= set(node.kwd_attrs)
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Any:
        self.annotation(node.returns)
        outside = (node.name, self._decorators(node.decorator_list), self.visit(node.args))
        with self._inner_scope(_parameters(node.args) | self._bound(node.body)):
            return type(node).__name__, *outside, self.value(node.body)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> Any:
        arguments = self.visit(node.args)
        with self._inner_scope(_parameters(node.args)):
            return "Lambda", arguments, self.visit(node.body)

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        # That a name is annotated makes it a field of a dataclass.
        fields = [ast.unparse(part.target) for part in node.body if isinstance(part, ast.AnnAssign)]
        decorators = self._decorators(node.decorator_list)
        body = (self.value(node.bases), self.value(node.keywords), self.value(node.body))
        return "ClassDef", node.name, decorators, tuple(fields), *body

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> Any:
        first = self.visit(node.generators[0].iter)  # is read outside
        with self._inner_scope(self._bound([part.target for part in node.generators])):
            return first, self.generic_visit(node)

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension

    def visit_arg(self, node: ast.arg) -> Any:
        self.annotation(node.annotation)
        return "arg", node.arg

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        self.annotation(node.annotation)
        if node.value is None:
            return ()
        return "Assign", ("targets", (self.visit(node.target),)), ("value", self.visit(node.value))

    def visit_Raise(self, node: ast.Raise) -> Any:
        return "Raise", self.value(node.exc.func if isinstance(node.exc, ast.Call) else node.exc)

    def visit_Assert(self, node: ast.Assert) -> Any:
        return "Assert", self.visit(node.test)

    def visit_Constant(self, node: ast.Constant) -> Any:
        return "Constant", node.value

    def visit_JoinedStr(self, node: ast.JoinedStr) -> Any:
        """Words and values in turn: Pythons cut the words at different places."""
        parts: list[Any] = [""]
        for part in node.values:
            if isinstance(part, ast.Constant):
                parts[-1] += part.value
            else:
                parts += [self.visit(part), ""]
        return "JoinedStr", *parts

    def visit_keyword(self, node: ast.keyword) -> Any:
        return () if node.arg == "description" else self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> Any:
        return () if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def _nothing(self, node: ast.AST) -> Any:
        return ()

    visit_Pass = visit_Import = visit_ImportFrom = _nothing

    def _decorators(self, nodes: Sequence[ast.expr]) -> Any:
        written = []
        for node in nodes:
            symbol, rest = self.resolve(node.func if isinstance(node, ast.Call) else node)
            if isinstance(symbol, Symbol) and not rest and only_notes(self.tree.definitions(symbol), node):
                written.append(self.value(without_texts(node)))
            else:
                written.append(self.visit(node))
        return tuple(part for part in written if part != ())

    def _bound(self, nodes: Sequence[ast.AST]) -> dict[str, str | None]:
        return bound(nodes, package=self.module.package)

    @contextmanager
    def _inner_scope(self, names: dict[str, str | None]) -> Iterator[None]:
        outer, self._scope = self._scope, self._scope | names
        yield
        self._scope = outer


def _classes(symbol: Symbol, tree: SourceTree, *, aliases: frozenset[Symbol]) -> set[Symbol]:
    """The class itself, or the classes of ours that an alias of types names."""
    reader = Reader(symbol.module, tree, aliases=aliases)
    for node in tree.definitions(symbol):
        if isinstance(node, ast.ClassDef):
            return {symbol}
        if isinstance(node, ast.Assign | ast.AnnAssign):
            reader.annotation(node.value)
    return reader.unseen


def _parameters(arguments: ast.arguments) -> dict[str, str | None]:
    several = [arguments.vararg] if arguments.vararg else []
    several += [arguments.kwarg] if arguments.kwarg else []
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *several]
    return {parameter.arg: None for parameter in named}
