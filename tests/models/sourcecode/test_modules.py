"""What a file defines and imports, and the messages where a name leads nowhere."""

from __future__ import annotations

import ast

import pytest

from models.fingerprint import fingerprint
from models.sourcecode.modules import Symbol, bound, read_tree


def module_of(write_tree, text):
    module = read_tree(write_tree({"models.a": text})).module("models.a")
    assert module is not None
    return module


class TestModule:
    def test_definitions_of_every_form(self, write_tree):
        text = """
            A, [B, *C] = D = E.x = 1, [2]
            F: int = 1
            if A:
                G = 1
            else:
                def h(): ...
            for i in A:
                with i as j:
                    K = 1
            class L:
                M = 1
                def n(self): O = 1
            async def p(): Q = 1
            R = [s for s in A]
        """
        expected = {*"ABCDFGhijKLpR", "L.n"}
        assert module_of(write_tree, text).definitions.keys() == expected

    def test_a_class_stands_apart_from_its_methods(self, write_tree):
        module = module_of(write_tree, "class C:\n  x = 1\n  def m(self): ...\n  def n(self): ...")
        assert "def" not in ast.unparse(module.definitions["C"])
        assert module.methods == {"C": {"C.m", "C.n"}}

    def test_imports_of_every_form(self, write_tree):
        text = """
            import a.b, c.d as e
            from f.g import h, i as j
            from . import k
            from .l import m
            if True:
                from n import o
            try:
                import p
            except ImportError:
                p = None
        """
        assert module_of(write_tree, text).imports == {
            "a": "a",
            "e": "c.d",
            "h": "f.g.h",
            "j": "f.g.i",
            "k": "models.k",
            "m": "models.l.m",
            "o": "n.o",
            "p": "p",
        }

    def test_statements_that_change_a_value_belong_to_it(self, write_tree):
        text = "import os\nT = {}\nT['a'] = 1\nT.update(b=2)\nU = T\nos.nice(0)\nif T: print(T)\nV = T['a']"
        module = module_of(write_tree, text)
        assert [ast.unparse(node) for node in module.definitions["T"]] == [
            "T = {}",
            "T['a'] = 1",
            "T.update(b=2)",
        ]
        assert [ast.unparse(node) for node in module.definitions["U"]] == ["U = T"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("x = y", "x"),
        ("for a, (b, *c) in d: pass", "a b c"),
        ("with o as a: pass", "a"),
        ("try: pass\nexcept E as e: pass", "e"),
        ("if (w := x): pass", "w"),
        ("def g(p): q = 1", "g"),
        ("[i for i in x]; lambda j: j", ""),
        ("global x\nx = 1", ""),
    ],
)
def test_bound_names(text, names):
    assert bound(ast.parse(text).body, package="") == dict.fromkeys(names.split())


class TestFollow:
    @pytest.fixture
    def tree(self, write_tree):
        return read_tree(
            write_tree({"models.b.__init__": "from models.b.c import C as D", "models.b.c": "class C: ..."})
        )

    def test_symbol_and_what_is_left(self, tree):
        found = tree.follow(["models", "b", "D", "x", "y"], where="here")
        assert found == (Symbol("models.b.c", "C"), ["x", "y"])

    def test_module(self, tree):
        assert tree.follow(["models", "b", "c"], where="here") == (tree.module("models.b.c"), [])

    def test_leaves_our_code(self, tree):
        assert tree.follow(["numpy", "fft"], where="here") == ("numpy.fft", [])
        assert tree.follow(["models", "b", "__path__"], where="here") == ("models.b.__path__", [])


class TestMessages:
    def test_unknown_module(self, write_tree):
        with pytest.raises(
            ValueError, match=r"'models\.x:f': found no module 'models\.x' under .*; allowed is"
        ):
            fingerprint("models.x:f", root=write_tree({"models.a": ""}))

    def test_module_that_is_not_ours(self, write_tree):
        with pytest.raises(ValueError, match="found no module 'other.a' .* of features, models, pipeline"):
            fingerprint("other.a:f", root=write_tree({"other.a": "f = 1"}))

    @pytest.mark.parametrize("symbol", ["g", "C.n", "", "C."])
    def test_unknown_symbol(self, symbol, write_tree):
        root = write_tree({"models.a": "def f(): ...\nclass C:\n  def m(self): ..."})
        with pytest.raises(ValueError, match=rf"models\.a defines no '{symbol}'; allowed are C, C\.m, f"):
            fingerprint(f"models.a:{symbol}", root=root)

    def test_unknown_import(self, write_tree):
        root = write_tree({"models.a": "from models.b import g\ndef f(): g()", "models.b": "def h(): ..."})
        with pytest.raises(ValueError, match=r"models\.a: found 'g' of models\.b, .*; allowed are h"):
            fingerprint("models.a:f", root=root)

    @pytest.mark.parametrize("text", ["def f(:", "f = '\0'"])
    def test_file_that_does_not_parse(self, text, write_tree):
        with pytest.raises(ValueError, match=r"a\.py: found .*; allowed is what Python can parse"):
            fingerprint("models.a:f", root=write_tree({"models.a": text}))

    def test_import_of_everything(self, write_tree):
        root = write_tree({"models.a": "from models.b import *\nf = 1", "models.b": "G = 1"})
        with pytest.raises(
            ValueError, match=r"a\.py: found 'from models.b import \*'; allowed are imports by name"
        ):
            fingerprint("models.a:f", root=root)
