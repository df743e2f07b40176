"""What a fingerprint depends on: each change of one place of a small tree, and of the product's own code."""

from __future__ import annotations

import ast
import importlib
import re
import shutil
from functools import cached_property

import numpy as np
import pytest

from features.views import FaceViews
from models.fingerprint import ROOT, fingerprint, reached, tree_digest

# Modules, a text in one of them that is replaced, and a symbol that the change is seen through.
FOLLOWED = {
    "constant": ({"features.a": "SIDE = 8\ndef f(x): return x * SIDE"}, "SIDE = 8", "SIDE = 9", "SIDE"),
    "kernel": (
        {"features.a": "import numpy as np\n_K = np.array([[1, -2, 1]])\ndef f(x): return x @ _K"},
        "-2",
        "-3",
        "_K",
    ),
    "body": ({"features.a": "def f(x): return x + 1"}, "x + 1", "x + 2", "f"),
    "type of a number": ({"features.a": "def f(x): return x + 1"}, "x + 1", "x + 1.0", "f"),
    "default argument": ({"features.a": "def f(x, *, share=0.5): return x"}, "0.5", "0.6", "f"),
    "name in a default": ({"features.a": "LOW = 3\ndef f(x=LOW): return x"}, "LOW = 3", "LOW = 4", "LOW"),
    "unpacked constant": ({"features.a": "A, (B, *C) = 1, (2, 3)\ndef f(): return C"}, "3", "4", "C"),
    "annotated constant": ({"features.a": "A: int = 1\ndef f(): return A"}, "= 1", "= 2", "A"),
    "augmented constant": ({"features.a": "A = 1\nA += 5\ndef f(): return A"}, "5", "6", "A"),
    "second assignment": ({"features.a": "A = 1\nA = 5\ndef f(): return A"}, "5", "6", "A"),
    "conditional constant": ({"features.a": "if True:\n  A = 1\ndef f(): return A"}, "= 1", "= 2", "A"),
    "item set later": ({"features.a": "T = {}\nT['a'] = 5\ndef f(): return T"}, "5", "6", "T"),
    "item appended": ({"features.a": "T = []\nT.append(5)\ndef f(): return T"}, "5", "6", "T"),
    "items in a loop": (
        {"features.a": "T = []\nfor i in range(5): T.append(i)\ndef f(): return T"},
        "5",
        "6",
        "T",
    ),
    "callee": ({"features.a": "def f(x): return g(x)\ndef g(x): return x + 1"}, "+ 1", "+ 2", "g"),
    "cycle": (
        {"features.a": "def f(x): return g(x)\ndef g(x): return f(x - 1)"},
        "x - 1",
        "x - 2",
        "g",
    ),
    "callee of a callee elsewhere": (
        {
            "features.a": "from models.b import g\ndef f(x): return g(x)",
            "models.b": "from models.c import h\ndef g(x): return h(x)",
            "models.c": "def h(x): return x + 1",
        },
        "+ 1",
        "+ 2",
        "h",
    ),
    "imported as": (
        {
            "features.a": "from models.b import g as k\ndef f(x): return k(x)",
            "models.b": "def g(x): return 1",
        },
        "return 1",
        "return 2",
        "g",
    ),
    "module.attribute": (
        {"features.a": "from models import b\ndef f(x): return b.g(x)", "models.b": "def g(x): return 1"},
        "return 1",
        "return 2",
        "g",
    ),
    "module as": (
        {"features.a": "import models.b as m\ndef f(x): return m.g(x)", "models.b": "def g(x): return 1"},
        "return 1",
        "return 2",
        "g",
    ),
    "dotted module": (
        {"features.a": "import models.b.c\ndef f(): return models.b.c.G", "models.b.c": "G = 1"},
        "G = 1",
        "G = 2",
        "G",
    ),
    "module as a value": (
        {"features.a": "from models import b\ndef f(): return vars(b)", "models.b": "G = 1"},
        "G = 1",
        "G = 2",
        "G",
    ),
    "relative import": (
        {"models.a.b": "from ..c import g\ndef f(): return g()", "models.c": "def g(): return 1"},
        "return 1",
        "return 2",
        "g",
    ),
    "relative import of a sibling": (
        {"models.a.b": "from . import c\ndef f(): return c.g()", "models.a.c": "def g(): return 1"},
        "return 1",
        "return 2",
        "g",
    ),
    "re-export of a package": (
        {
            "models.b.__init__": "from models.b.c import g",
            "models.b.c": "def g(): return 1",
            "features.a": "from models.b import g\ndef f(): return g()",
        },
        "return 1",
        "return 2",
        "g",
    ),
    "submodule that its package imports": (
        {
            "models.b.__init__": "from models.b import c",
            "models.b.c": "G = 1",
            "features.a": "from models.b import c\ndef f(): return c.G",
        },
        "G = 1",
        "G = 2",
        "G",
    ),
    "import inside a function": (
        {"features.a": "def f():\n  from models.b import g\n  return g()", "models.b": "def g(): return 1"},
        "return 1",
        "return 2",
        "g",
    ),
    "import rebound": (
        {
            "features.a": "from functools import cache\nfrom models.b import g\ng = cache(g)\ndef f(): return g()",
            "models.b": "def g(): return 1",
        },
        "return 1",
        "return 2",
        "g",
    ),
    "table of functions": (
        {"features.a": "def g(): return 1\ndef h(): return 3\nTABLE = (g, h)\ndef f(): return TABLE[0]()"},
        "return 3",
        "return 4",
        "h",
    ),
    "table inside the function": (
        {"features.a": "def g(): return 1\ndef f(k):\n  makers = {'g': g}\n  return makers[k]()"},
        "return 1",
        "return 2",
        "g",
    ),
    "decorator": (
        {"features.a": "def twice(g):\n  return lambda x: 2 * g(x)\n@twice\ndef f(x): return x"},
        "2 *",
        "3 *",
        "twice",
    ),
    "argument of a decorator": (
        {
            "features.a": "def times(n):\n  return lambda g: lambda x: n * g(x)\n@times(n=2)\ndef f(x): return x"
        },
        "n=2",
        "n=3",
        "f",
    ),
    "name in a registering decorator": (
        {
            "features.a": "def note(**k):\n  def keep(g): return g\n  return keep\n"
            "COLUMNS = ('a',)\n@note(columns=COLUMNS)\ndef f(x): return x"
        },
        "'a'",
        "'b'",
        "COLUMNS",
    ),
    "lambda": ({"features.a": "K = 1\nf = lambda x: x + K"}, "K = 1", "K = 2", "K"),
    "comprehension": ({"features.a": "K = 1\ndef f(x): return [K * y for y in x]"}, "K = 1", "K = 2", "K"),
    "iterable of a comprehension": (
        {"features.a": "K = (1, 2)\ndef f(): return [K for K in K]"},
        "(1, 2)",
        "(1, 3)",
        "K",
    ),
    "name that a comprehension hides elsewhere": (
        {"features.a": "K = 1\ndef f(x): return [K for K in x], K"},
        "K = 1",
        "K = 2",
        "K",
    ),
    "nested function": (
        {"features.a": "K = 1\ndef f(x):\n  def g(): return K\n  return g()"},
        "K = 1",
        "K = 2",
        "K",
    ),
    "global": ({"features.a": "K = 1\ndef f():\n  global K\n  K += 1"}, "K = 1", "K = 2", "K"),
    "library": ({"features.a": "from scipy.fft import dct\ndef f(x): return dct(x)"}, "scipy", "numpy", "f"),
    "class of an error": ({"features.a": "def f(): raise KeyError('x')"}, "KeyError", "ValueError", "f"),
    "word that is no message": ({"features.a": "def f(x): return x['one']"}, "'one'", "'two'", "f"),
}

READER = "from features.s import S\ndef f(s: S): return s.read"
FOLLOWED_IN_CLASSES = {
    "member read": ("class S:\n  @property\n  def read(self): return 1", "return 1", "return 2", "S.read"),
    "member that a member reads": (
        "class S:\n  def read(self): return self.inner()\n  def inner(self): return 1",
        "return 1",
        "return 2",
        "S.inner",
    ),
    "setter": (
        "class S:\n  @property\n  def read(self): return 1\n  @read.setter\n  def read(self, x): self.x = 5",
        "5",
        "6",
        "S.read",
    ),
    "member read by a fixed string": (
        "class S:\n  def read(self): return getattr(self, 'inner')\n  def inner(self): return 1",
        "return 1",
        "return 2",
        "S.inner",
    ),
    "constant of a member": ("K = 1\nclass S:\n  def read(self): return K", "K = 1", "K = 2", "K"),
    "member that is read on the class": (
        "class S:\n  @staticmethod\n  def inner(): return 1\n  def read(self): return S.inner()",
        "return 1",
        "return 2",
        "S.inner",
    ),
    "attribute of the class": ("class S:\n  read = 1", "= 1", "= 2", "S"),
    "default of a field": ("class S:\n  read: int = 1", "= 1", "= 2", "S"),
    "order of fields": ("class S:\n  read: int\n  x: int", "read: int\n  x: int", "x: int\n  read: int", "S"),
    "constructor": (
        "class S:\n  def __init__(self): self.read = 1",
        "= 1",
        "= 2",
        "S.__init__",
    ),
    "base class": (
        "class B:\n  def read(self): return 1\nclass S(B): ...",
        "return 1",
        "return 2",
        "B.read",
    ),
    "what a base calls": (
        "class B:\n  def read(self): return self.hook()\nclass S(B):\n  def hook(self): return 1",
        "return 1",
        "return 2",
        "S.hook",
    ),
    "what a base that is not ours may call": (
        "from torch import nn\nclass S(nn.Module):\n  def forward(self): return 1",
        "return 1",
        "return 2",
        "S.forward",
    ),
    "what the base of a base may call": (
        "from torch import nn\nclass B(nn.Module): ...\nclass S(B):\n  def forward(self): return 1",
        "return 1",
        "return 2",
        "S.forward",
    ),
    "decorator of a class": (
        "def mark(c):\n  c.read = 1\n  return type(c)\n@mark\nclass S: ...",
        "= 1",
        "= 2",
        "mark",
    ),
    "class in an annotation of a member": (
        "class T:\n  def __init__(self): self.x = 1\nclass S:\n  def __init__(self, t: T): self.read = t.x",
        "= 1",
        "= 2",
        "T.__init__",
    ),
}
ANNOTATIONS = {
    "parameter": "def f(s: S): return s.read",
    "returned": "def make() -> S: ...\ndef f(): return make().read",
    "quoted": "def f(s: 'S'): return s.read",
    "optional": "def f(s: S | None = None): return s.read",
    "variable": "def f(s):\n  t: S = s\n  return t.read",
    "no annotation but a pattern": "def f(s):\n  match s:\n    case S(read=1): return 2",
    "alias of itself": "Tree = dict[str, 'Tree'] | S\ndef f(t: Tree): return t.read",
    "alias": "from collections.abc import Callable\nMake = Callable[[int], S]\ndef f(m: Make): return m(0).read",
}


def changed(modules, old, new):
    found = [name for name, text in modules.items() if old in text]
    assert len(found) == 1 and modules[found[0]].count(old) == 1, "the case does not say what it changes"
    return {**modules, found[0]: modules[found[0]].replace(old, new)}


def target_in(modules):
    return next(f"{name}:f" for name, text in modules.items() if re.search(r"^(def f\b|f = )", text, re.M))


@pytest.mark.parametrize("case", FOLLOWED)
def test_a_change_of_what_is_reached_changes_the_fingerprint(case, write_tree):
    modules, old, new, symbol = FOLLOWED[case]
    before, after = write_tree(modules), write_tree(changed(modules, old, new))
    target = target_in(modules)
    assert symbol in {name.partition(":")[2] for name in reached(target, root=before)}
    assert fingerprint(target, root=before) != fingerprint(target, root=after)


@pytest.mark.parametrize("case", FOLLOWED_IN_CLASSES)
def test_a_change_of_what_counts_in_a_class_changes_the_fingerprint(case, write_tree):
    text, old, new, symbol = FOLLOWED_IN_CLASSES[case]
    modules = {"features.a": READER, "features.s": text}
    before, after = write_tree(modules), write_tree(changed(modules, old, new))
    assert f"features.s:{symbol}" in reached("features.a:f", root=before)
    assert fingerprint("features.a:f", root=before) != fingerprint("features.a:f", root=after)


@pytest.mark.parametrize("case", ANNOTATIONS)
def test_annotations_lead_to_classes(case, write_tree):
    text = "from features.s import S\n" + ANNOTATIONS[case]
    root = write_tree({"features.a": text, "features.s": "class S:\n  def read(self): return 1"})
    assert {"features.s:S", "features.s:S.read"} <= set(reached("features.a:f", root=root))


def test_of_a_class_only_what_is_read_counts(write_tree):
    root = write_tree(
        {
            "features.a": READER,
            "features.s": "class S:\n  def read(self): return 1\n  def other(self): return elsewhere()\n"
            "def elsewhere(): return 2",
        }
    )
    assert reached("features.a:f", root=root) == ["features.a:f", "features.s:S", "features.s:S.read"]
    assert "features.s:elsewhere" in reached("features.s:S.other", root=root)


NOT_FOLLOWED = {
    "definition that nobody names": {"features.a": "def f(): return 1\ndef g(): return 5"},
    "module imported for its side effects": {
        "features.a": "def f():\n  import models.b\n  return 1",
        "models.b": "G = 5",
    },
    "local of the same name": {"features.a": "g = 5\ndef f(g): return g"},
    "variable of a comprehension": {"features.a": "g = 5\ndef f(x): return [g for g in x]"},
    "attribute of the same name": {"features.a": "g = 5\ndef f(x): return x.g"},
    "function in an annotation": {"features.a": "def g(): return 5\ndef f(x: g): return x"},
    "other functions of a registry": {
        "features.r": "T = {}\ndef note(name):\n  def keep(g):\n    T[name] = g\n    return g\n  return keep",
        "features.a": "from features.r import note\n@note('f')\ndef f(): return 1\n@note('g')\ndef g(): return 5",
    },
    "a registry itself": {
        "features.r": "T = {'x': 5}\ndef note(g):\n  T['g'] = g\n  return g",
        "features.a": "from features.r import note\n@note\ndef f(): return 1",
    },
}


@pytest.mark.parametrize("case", NOT_FOLLOWED)
def test_a_change_of_what_is_not_reached_changes_nothing(case, write_tree):
    before, after = write_tree(NOT_FOLLOWED[case]), write_tree(changed(NOT_FOLLOWED[case], "5", "6"))
    assert reached("features.a:f", root=before) == ["features.a:f"]
    assert fingerprint("features.a:f", root=before) == fingerprint("features.a:f", root=after)


BEFORE = {"features.a": "K = 3\ndef g(x): return x + K\ndef f(x): return g(x)"}
AFTER = {
    "imported": "from models.b import g\ndef f(x): return g(x)",
    "imported as": "from models.b import g as h\ndef f(x): return h(x)",
    "by its module": "from models import b\ndef f(x): return b.g(x)",
    "inside the function": "def f(x):\n  import models.b\n  return models.b.g(x)",
}


class TestMoves:
    @pytest.mark.parametrize("way", AFTER)
    def test_moving_a_function_changes_nothing(self, way, write_tree):
        moved = {"features.a": AFTER[way], "models.b": "K = 3\ndef g(x): return x + K"}
        one, other = write_tree(BEFORE), write_tree(moved)
        assert fingerprint("features.a:f", root=one) == fingerprint("features.a:f", root=other)

    def test_moving_all_of_it_changes_nothing(self, write_tree):
        other = write_tree({"pipeline.x.y": BEFORE["features.a"]})
        assert fingerprint("features.a:f", root=write_tree(BEFORE)) == fingerprint(
            "pipeline.x.y:f", root=other
        )

    def test_which_of_two_namesakes_is_meant_counts(self, write_tree):
        modules = {
            "features.b": "def g(x): return x + 1",
            "features.c": "def g(x): return x + 2",
            "features.a": "from features.b import g\nimport features.c\n"
            "def f(x): return g(x), features.c.g(0), features.b.g(0)",
        }
        roots = write_tree(modules), write_tree(changed(modules, "from features.b", "from features.c"))
        assert reached("features.a:f", root=roots[0]) == reached("features.a:f", root=roots[1])
        assert fingerprint("features.a:f", root=roots[0]) != fingerprint("features.a:f", root=roots[1])


class TestTargets:
    def test_order_does_not_matter_and_each_counts(self, write_tree):
        root = write_tree({"features.a": "A = 1\nB = 2"})
        both = fingerprint("features.a:A", "features.a:B", root=root)
        assert both == fingerprint("features.a:B", "features.a:A", root=root)
        assert (
            len({both, fingerprint("features.a:A", root=root), fingerprint("features.a:B", root=root)}) == 3
        )
        assert re.fullmatch("[0-9a-f]{16}", both)

    def test_a_method_brings_its_class(self, write_tree):
        root = write_tree({"features.a": "class C:\n  x = 1\n  def m(self): ...\n  def n(self): ..."})
        assert reached("features.a:C.m", root=root) == ["features.a:C", "features.a:C.m"]

    def test_an_edit_in_place_is_seen(self, write_tree):
        root = write_tree({"features.a": "A = 1"})
        before = fingerprint("features.a:A", root=root)
        (root / "features/a.py").write_text("A = 2")
        assert fingerprint("features.a:A", root=root) != before

    def test_none_is_refused(self, write_tree):
        with pytest.raises(ValueError, match="found no target; give 'package.module:symbol'"):
            fingerprint(root=write_tree({"features.a": ""}))


def spectral_blocks():
    """Module and name of each function under features/ that `@block(...)` registers, wherever it stands."""
    found = []
    for path in sorted((ROOT / "features").rglob("*.py")):
        for node in ast.parse(path.read_bytes()).body:
            calls = [
                ast.unparse(d.func) for d in getattr(node, "decorator_list", ()) if isinstance(d, ast.Call)
            ]
            if "block" in calls:
                found.append((".".join(path.relative_to(ROOT).with_suffix("").parts), node.name))
    return found


BLOCKS = spectral_blocks()
SIGNALS = "features.signals"


def as_signals(seed=0):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:160, :160]
    shade = 110 + 40 * np.sin(x / 17) * np.cos(y / 23)
    pixels = (shade[..., None] + 9 * rng.random((160, 160, 3))).astype(np.uint8)
    marks = np.array([[45, 50], [83, 50], [64, 70], [48, 92], [80, 92]], np.float32)
    views = FaceViews(
        native=pixels[16:-16, 16:-16],
        context=pixels,
        face_in_context=(16, 16, 144, 144),
        landmarks=marks,
        found=True,
    )
    return importlib.import_module(SIGNALS).Signals(views)


class TestProduct:
    def test_the_blocks_are_found(self):
        assert len(BLOCKS) >= 8

    @pytest.mark.parametrize(("module", "name"), BLOCKS)
    def test_a_block_reaches_itself_and_the_signals_that_it_reads(self, module, name):
        signals = as_signals()
        getattr(importlib.import_module(module), name)(signals)
        members = {k for k, v in vars(type(signals)).items() if isinstance(v, cached_property)}
        read = {f"{SIGNALS}:Signals.{member}" for member in members & vars(signals).keys()}
        found = set(reached(f"{module}:{name}"))
        assert read and read | {f"{module}:{name}", f"{SIGNALS}:Signals.__init__"} <= found
        assert not {f"{SIGNALS}:Signals.{member}" for member in members} <= found, "no block reads all"

    @pytest.mark.parametrize(("module", "name"), BLOCKS)
    def test_no_block_reaches_another(self, module, name):
        others = {":".join(block) for block in BLOCKS} - {f"{module}:{name}"}
        assert not others & set(reached(f"{module}:{name}"))

    @pytest.mark.parametrize(
        ("module", "constant"),
        [
            ("features.signals", "MAX_NATIVE"),
            ("features.signals", "MAX_CONTEXT"),
            ("features.power_spectrum", "POWER_FLOOR"),
            ("features.residuals", "BAND_SAMPLE"),
        ],
    )
    def test_a_constant_changes_exactly_the_blocks_that_name_it(self, module, constant, tmp_path):
        shutil.copytree(
            ROOT / "features", tmp_path / "features", ignore=shutil.ignore_patterns("__pycache__")
        )
        path = tmp_path / f"{module.replace('.', '/')}.py"
        text, count = re.subn(
            rf"^({constant} = )(\d+)", r"\g<1>7", path.read_text(encoding="utf-8"), flags=re.M
        )
        assert count == 1
        path.write_text(text, encoding="utf-8")
        targets = [":".join(block) for block in BLOCKS]
        names = {target for target in targets if f"{module}:{constant}" in reached(target)}
        differ = {t for t in targets if fingerprint(t) != fingerprint(t, root=tmp_path)}
        assert differ == names != set()
        assert differ != set(targets), "each of these is read by some blocks only"


def test_the_digest_of_a_tree_changes_with_every_byte_and_name(write_tree):
    root = write_tree({"features.a": "A = 1"})
    first = tree_digest(root)
    assert tree_digest(root) == first
    (root / "features/a.py").write_text("A = 1  # a comment")
    second = tree_digest(root)
    (root / "features/a.py").rename(root / "features/b.py")
    assert len({first, second, tree_digest(root)}) == 3
