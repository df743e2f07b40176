"""Which decorators only note a function down."""

from __future__ import annotations

import ast

import pytest

from models.sourcecode.decorators import only_notes, without_texts

PLAIN = "def note(g):\n  TABLE.append(g)\n  return g"
MADE = "def note(*, name):\n  def keep(g):\n    TABLE[name] = g\n    return g\n  return keep"


def noted(text, decorator):
    return only_notes(ast.parse(text).body, ast.parse(decorator, mode="eval").body)


@pytest.mark.parametrize(
    ("text", "decorator"),
    [
        (PLAIN, "note"),
        (MADE, "note(name='a')"),
        (PLAIN.replace("def note(g)", "def note(g, h=None)"), "note"),
        (PLAIN.replace("return g", "if g: return g\n  return g"), "note"),
        (MADE.replace("    return g", "    def inner(): return 1\n    return g"), "note(name='a')"),
    ],
)
def test_gives_back_what_it_gets(text, decorator):
    assert noted(text, decorator)


@pytest.mark.parametrize(
    ("text", "decorator"),
    [
        (PLAIN, "note()"),
        (MADE, "note"),
        (PLAIN.replace("return g", "return wrap(g)"), "note"),
        (PLAIN.replace("return g", "if g: return 1\n  return g"), "note"),
        (PLAIN.replace("return g", "g = wrap(g)\n  return g"), "note"),
        (PLAIN.replace("return g", "yield 1\n  return g"), "note"),
        (PLAIN.replace("return g", "pass"), "note"),
        ("def note(): pass", "note"),
        (PLAIN.replace("def note(g)", "def note(h, g)"), "note"),
        ("async " + PLAIN, "note"),
        ("@wrap\n" + PLAIN, "note"),
        ("@wrap\n" + MADE, "note(name='a')"),
        (PLAIN + "\nnote = wrap(note)", "note"),
        ("note = wrap", "note"),
        (MADE.replace("  def keep", "  @wrap\n  def keep"), "note(name='a')"),
        (MADE.replace("  return keep", "  keep = wrap(keep)\n  return keep"), "note(name='a')"),
        (MADE.replace("  return keep", "  if name: return wrap\n  return keep"), "note(name='a')"),
        (MADE.replace("  return keep", ""), "note(name='a')"),
    ],
)
def test_may_change_what_it_gets(text, decorator):
    assert not noted(text, decorator)


def test_texts_among_the_arguments_are_left_out():
    call = ast.parse("note('a', A, 1, name='b', columns=C, share=2, of=('d',))", mode="eval").body
    assert [ast.unparse(part) for part in without_texts(call)] == [
        "A",
        "1",
        "columns=C",
        "share=2",
        "of=('d',)",
    ]
    assert without_texts(ast.parse("note", mode="eval").body) == []
