"""Data folders written by tests."""

from __future__ import annotations

from pathlib import Path

from pipeline.dataset.dataset_files import find, read_all
from pipeline.dataset.entries import ListedImage


def put(path: Path, content: bytes | str = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def listed(root: Path, text: bytes | str, *names: str) -> list[ListedImage]:
    """Rows of a train list at the root, with these images in trainset/."""
    put(root / "train_label.txt", text)
    for name in names:
        put(root / "trainset" / name)
    return read_all(find(root))
