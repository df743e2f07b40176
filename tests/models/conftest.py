"""Small trees of source files."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path

import pytest


@pytest.fixture
def write_tree(tmp_path: Path) -> Callable[[Mapping[str, str]], Path]:
    """Writes modules, given by dotted name, below a folder of their own, with the packages around them."""
    number = count()

    def write(modules: Mapping[str, str]) -> Path:
        root = tmp_path / f"tree{next(number)}"
        for name, text in modules.items():
            path = root.joinpath(*name.split("."))
            path.parent.mkdir(parents=True, exist_ok=True)
            for package in (p for p in path.parents if p.is_relative_to(root) and p != root):
                (package / "__init__.py").touch()
            path.with_suffix(".py").write_text(textwrap.dedent(text), encoding="utf-8")
        return root

    return write
