"""What of the source does not count, and that every Python reads it alike."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from models.fingerprint import ROOT, fingerprint

# Two spellings of `f` that make the same numbers, in one module.
ALIKE = {
    "comment": ("def f(x): return x", "# why\ndef f(x):  # so\n  return x"),
    "layout": ("def f(x): return (x + 1)", "def f(\n    x,\n):\n\n    return x + (\n        1\n    )"),
    "quotes": ("def f(): return 'a'", 'def f(): return "a"'),
    "joined words": ("def f(): return 'a' 'b'", "def f(): return 'ab'"),
    "spelling of a number": ("def f(): return 1000.0", "def f(): return 1_000e0"),
    "docstring": ("def f(x): return x", 'def f(x):\n  """Says what."""\n  return x'),
    "docstring of a stub": ("def f(x): pass", 'def f(x):\n  """Says what."""'),
    "words about a field": ("class f:\n  a: int = 1", 'class f:\n  a: int = 1\n  """Says what."""'),
    "annotation of a parameter": (
        "def f(x, *y, z=1): return x",
        "def f(x: int, *y: str, z: int = 1): return x",
    ),
    "annotation of the result": ("def f(x): return x", "def f(x) -> list[int]: return x"),
    "annotation of a variable": ("def f(x):\n  y = x\n  return y", "def f(x):\n  y: int = x\n  return y"),
    "announced variable": ("def f(x):\n  y = x\n  return y", "def f(x):\n  y: int\n  y = x\n  return y"),
    "annotation of a constant": ("f = 1", "f: int = 1"),
    "type of a field": ("class f:\n  a: int = 1", "class f:\n  a: float = 1"),
    "message of an error": ("def f(x): raise KeyError('a')", "def f(x): raise KeyError(f'no {x}') from None"),
    "constant in a message": ("def f(x): raise KeyError('a')", "K = 1\ndef f(x): raise KeyError(K)"),
    "message of an assertion": ("def f(x): assert x", "def f(x): assert x, 'no x'"),
    "description": ("f = make(1)", "f = make(1, description='what it is')"),
    "order of definitions": ("A = 1\nB = 2\ndef f(): return A, B", "def f(): return A, B\nB = 2\nA = 1"),
    "order of methods": (
        "class f:\n  def __add__(self, o): ...\n  def __sub__(self, o): ...",
        "class f:\n  def __sub__(self, o): ...\n  def __add__(self, o): ...",
    ),
    "unused import": ("def f(x): return x", "import os\ndef f(x):\n  import sys\n  return x"),
    "alias of a library": (
        "import numpy as np\ndef f(x): return np.fft.fft(x)",
        "from numpy import fft as g\ndef f(x): return g.fft(x)",
    ),
    "texts of a registering decorator": (
        "def note(*a, **k):\n  def keep(g): return g\n  return keep\n@note('a', source='b')\ndef f(): ...",
        "def note(*a, **k):\n  def keep(g): return g\n  return keep\n@note('c', source='d')\ndef f(): ...",
    ),
    "code behind the main guard": (
        "def f(x): return x",
        "def f(x): return x\nif __name__ == '__main__':\n  print(f(1))",
    ),
}


@pytest.mark.parametrize("case", ALIKE)
def test_what_makes_no_difference_changes_nothing(case, write_tree):
    one, other = (write_tree({"models.a": text}) for text in ALIKE[case])
    assert fingerprint("models.a:f", root=one) == fingerprint("models.a:f", root=other)


DIFFERENT = {
    "that an error is raised": ("def f(x):\n  if x: raise KeyError('a')", "def f(x):\n  if x: pass"),
    "condition of an assertion": ("def f(x): assert x", "def f(x): assert not x"),
    "words that are joined": ("def f(x): return f'a{x}b'", "def f(x): return f'a{x}c'"),
    "format of a number": ("def f(x): return f'{x:.3f}'", "def f(x): return f'{x:.4f}'"),
    "a number and its word": ("def f(): return 1", "def f(): return '1'"),
    "true and one": ("def f(): return True", "def f(): return 1"),
    "a field and an attribute": ("class f:\n  a: int = 1", "class f:\n  a = 1"),
    "kind of a parameter": ("def f(x, y): return x", "def f(x, *, y): return x"),
    "missing default": ("def f(*, x=None, y): return x", "def f(*, x, y=None): return x"),
    "else": ("def f(x):\n  if x: a()\n  else: b()", "def f(x):\n  if x: a(); b()"),
    "number for a registering decorator": (
        "def note(**k):\n  def keep(g): return g\n  return keep\n@note(share=0.5)\ndef f(): ...",
        "def note(**k):\n  def keep(g): return g\n  return keep\n@note(share=0.6)\ndef f(): ...",
    ),
    "decorator that changes the function": (
        "def by(n):\n  def wrap(g): return lambda: n * g()\n  return wrap\n@by(n='a')\ndef f(): ...",
        "def by(n):\n  def wrap(g): return lambda: n * g()\n  return wrap\n@by(n='b')\ndef f(): ...",
    ),
    "decorator that gives back another": (
        "def by(n):\n  def wrap(g):\n    g = n(g)\n    return g\n  return wrap\n@by(n=1)\ndef f(): ...",
        "def by(n):\n  def wrap(g):\n    g = n(g)\n    return g\n  return wrap\n@by(n=2)\ndef f(): ...",
    ),
    "asynchronous": ("def f(): ...", "async def f(): ..."),
}


@pytest.mark.parametrize("case", DIFFERENT)
def test_what_makes_a_difference_counts(case, write_tree):
    one, other = (write_tree({"models.a": text}) for text in DIFFERENT[case])
    assert fingerprint("models.a:f", root=one) != fingerprint("models.a:f", root=other)


# Syntax that versions of Python write into their trees in different ways.
SYNTAX = r'''
"""Words."""
from dataclasses import dataclass
import numpy as np
from models.b import helper as h

LIMIT: float = 1e-3
WORDS = "é\N{GREEK SMALL LETTER ALPHA}" u"\U0001E4D0", b"\x00"
HUGE, TINY = 1e999, -0.0j

@dataclass(frozen=True)
class C(np.ndarray):
    """Words."""
    a: int
    b: str = "x"

    def m(self, *args, k=None, **rest): return {**rest, "a": [*args], k: ...}

def f(x: C, /, y=LIMIT, *, z=lambda q: q**2, **k) -> "C":
    """Words."""
    text = f"a{x!r:>{y}}b" "c" f"{x=}{y:}{z:{k}.{k}}" f"{x:%H:%M}" f"{{}}" ""
    with (open(text) as a, open(WORDS) as b): pass
    match x:
        case C(a=1, b=[_, *others]) | {"k": v, **others} if v: return others, x[1:2, ..., None], x[*others]
        case None: raise ValueError(f"{x}") from None
    try: yield (n := 1 if x else -1), [i async for i in x if not i], 1 < n <= 3
    except* (OSError, KeyError) as error: del a, b
    for i, *j in {1, 2}: print(h(i), HUGE, TINY, sep="") ; continue
    else: return not x and y or z
'''
SCRIPT = """
import json, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from models.fingerprint import fingerprint
for root, targets in json.load(sys.stdin).items():
    print(fingerprint(*targets, root=Path(root)))
"""


def other_interpreters():
    """Pythons of other minor versions from 3.11 on that this machine has, by version."""
    found = {}
    paths = [shutil.which(f"python3.{minor}") for minor in range(11, 20)]
    paths += map(str, Path.home().glob(".pyenv/versions/3.1[1-9].*/bin/python"))
    for path in filter(None, paths):
        ask = [path, "-c", "import sys; print(*sys.version_info[:2])"]
        done = subprocess.run(ask, capture_output=True, text=True, check=False)
        version = tuple(map(int, done.stdout.split())) if done.returncode == 0 else ()
        if (3, 11) <= version != sys.version_info[:2]:
            found.setdefault(version, path)
    return found


def told_by(python, targets):
    """Fingerprints by another Python, without any installed package. targets : a list by root."""
    arguments = [python, "-S", "-c", SCRIPT, ROOT]
    done = subprocess.run(arguments, input=json.dumps(targets), capture_output=True, text=True, check=True)
    return done.stdout.split()


def definitions_of_the_product():
    """Every function and class that stands directly in a module of features/ and models/."""
    paths = [path for package in ("features", "models") for path in sorted((ROOT / package).rglob("*.py"))]
    return [
        f"{'.'.join(path.relative_to(ROOT).with_suffix('').parts)}:{node.name}"
        for path in paths
        if path.name != "__init__.py"
        for node in ast.parse(path.read_bytes()).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    ]


@pytest.fixture
def targets(write_tree):
    root = write_tree({"models.a": SYNTAX, "models.b": "def helper(x): return x"})
    return {str(root): ["models.a:f"], str(ROOT): definitions_of_the_product()}


def test_needs_the_standard_library_alone(targets):
    assert told_by(sys.executable, targets) == [fingerprint(*t, root=Path(r)) for r, t in targets.items()]


def test_is_equal_under_every_python(targets):
    interpreters = other_interpreters()
    if not interpreters:
        pytest.skip("no other Python from 3.11 on is on this machine")
    own = [fingerprint(*t, root=Path(r)) for r, t in targets.items()]
    assert {version: told_by(path, targets) for version, path in interpreters.items()} == dict.fromkeys(
        interpreters, own
    )
