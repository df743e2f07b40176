"""LightGBM's text of a booster, checked before LightGBM reads it: its own reader believes every number.

A child that names its own parent makes its prediction run for ever, a size or an index that is too large makes it read
memory that is not the model's. So every key is known here, every list has its length, and the children make a tree.
A text that has passed is remembered by its hash in the machine's cache: the three thousand trees of a bundle take a
second to check.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from models import machine_cache

T = TypeVar("T", int, float)
KIND = "boosters"  # in the machine's cache
END = "end of trees\n"
MAX_LEAVES = 131_072  # LightGBM's own limit
MAX_DEPTH = 1_000  # its readers recurse, a frame of the stack a level
# Characters alone: Python reads the words, and both readers see the same number in words of these. Not \d, which
# takes the digits of every script, and nothing nested, which is slow on a long line.
_INTEGERS = re.compile(r"[-0-9 ]*")
_REALS = re.compile(r"[-+.0-9e ]*")
_RANGES = re.compile(r"[-+.0-9eno:\[\] ]*")
_NO_LIMIT = re.compile(r"(?<![^ ])inf(?![^ ])")  # threshold of a split of the missing numbers from all others
# decision_type: bit 0 is a categorical split, bit 1 the side of a missing number, bits 2 and 3 how one is known
_CATEGORICAL, _DECISIONS = 1, 12
_FIXED = {
    "num_class": "1",
    "num_tree_per_iteration": "1",
    "label_index": "0",
    "objective": "binary sigmoid:1",
}
_HEADER = {
    *_FIXED,
    "version",
    "max_feature_idx",
    "feature_names",
    "monotone_constraints",
    "feature_infos",
    "tree_sizes",
}
_OF_SPLITS = ("split_feature", "decision_type", "left_child", "right_child", "internal_count")
_OF_SPLITS_REAL = ("threshold", "split_gain", "internal_value", "internal_weight")
_TREE = {
    *_OF_SPLITS,
    *_OF_SPLITS_REAL,
    "num_leaves",
    "num_cat",
    "leaf_value",
    "leaf_weight",
    "leaf_count",
    "is_linear",
    "shrinkage",
}


def checked(text: str, *, columns: Sequence[str]) -> str:
    """The trees of a booster's text, without the training settings that follow them.

    Parameters
    ----------
    text : str
        As `lightgbm.Booster.save_model` writes it: numerical splits, one raw score, objective binary.
    columns : sequence of str
        That it has to read, in order.

    Returns
    -------
    str
        What `lightgbm.Booster(model_str=...)` takes.

    Raises
    ------
    ValueError
        Saying what no such booster has.
    """
    parts = (Path(__file__).read_bytes(), "\n".join(columns).encode(), text.encode())
    key = sha256(b"".join(sha256(part).digest() for part in parts)).hexdigest()
    kept = machine_cache.read(KIND, key)
    end = _end_of_trees(text, columns) if kept is None else int(kept)
    if kept is None:
        machine_cache.write(KIND, key, str(end).encode())
    return text[:end] + END


def _end_of_trees(text: str, columns: Sequence[str]) -> int:
    """Where the last tree ends, after all of them were checked."""
    head, blank, body = text.partition("\n\n")
    if not text.isascii() or not head.startswith("tree\n") or not blank:
        raise ValueError("it does not begin as a LightGBM model does")
    header = _pairs(head.split("\n")[1:], known=_HEADER, optional={"monotone_constraints"})
    _check_header(header, columns)
    sizes, start = _integers(header["tree_sizes"], "tree_sizes"), 0
    for index, size in enumerate(sizes.tolist()):
        block = body[start : start + size]
        if size <= 0 or len(block) != size or not block.startswith(f"Tree={index}\n"):
            raise ValueError(f"tree_sizes: there is no tree {index} of {size} bytes at its place")
        _check_tree(_pairs(block.strip().split("\n")[1:], known=_TREE), index=index, columns=len(columns))
        start += size
    if not body.startswith(END, start):
        raise ValueError(f"its trees do not end after the {len(sizes)} that tree_sizes names")
    return len(head) + len(blank) + start


def _pairs(lines: Sequence[str], *, known: set[str], optional: Collection[str] = ()) -> dict[str, str]:
    """Lines `key=value` by key; each of the known keys once and no other."""
    pairs: dict[str, str] = {}
    for line in lines:
        key, equals, value = line.partition("=")
        if not equals or key not in known or key in pairs:
            raise ValueError(f"{key[:40]!r} is no key that a booster has there")
        pairs[key] = value
    missing = sorted(known - {*optional} - pairs.keys())
    if missing:
        raise ValueError(f"{missing[0]} is missing")
    return pairs


def _check_header(header: dict[str, str], columns: Sequence[str]) -> None:
    if header["version"] != "v4":
        raise ValueError(
            f"its version is {header['version'][:20]!r}, this release reads v4, which LightGBM 4 writes"
        )
    fixed = {**_FIXED, "max_feature_idx": str(len(columns) - 1), "feature_names": " ".join(columns)}
    for key, value in fixed.items():
        if header[key] != value:
            raise ValueError(f"{key} is {header[key][:40]!r} instead of {value[:40]!r}")
    if (
        not _RANGES.fullmatch(header["feature_infos"])
        or header["feature_infos"].count(" ") != len(columns) - 1
    ):
        raise ValueError(f"feature_infos holds no {len(columns)} ranges")
    if len(_integers(header.get("monotone_constraints", ""), "monotone_constraints")) not in (
        0,
        len(columns),
    ):
        raise ValueError(f"monotone_constraints holds no {len(columns)} numbers")


def _check_tree(tree: dict[str, str], *, index: int, columns: int) -> None:
    """Refuse what is no tree over so many columns. The message says which tree."""
    try:
        leaves = int(_integers(tree["num_leaves"], "num_leaves", length=1)[0])
        if not 1 <= leaves <= MAX_LEAVES:
            raise ValueError(f"num_leaves is {leaves}, allowed are 1 to {MAX_LEAVES}")
        if tree["num_cat"] != "0" or tree["is_linear"] != "0":
            raise ValueError("it has categories or linear leaves, which no booster of a bundle has")
        splits = {key: _integers(tree[key], key, length=leaves - 1) for key in _OF_SPLITS}
        for key in _OF_SPLITS_REAL:
            value = _NO_LIMIT.sub("0", tree[key]) if key == "threshold" else tree[key]
            _check_reals(value, key, length=leaves - 1)
        _check_reals(tree["leaf_value"], "leaf_value", length=leaves)
        _check_reals(tree["leaf_weight"], "leaf_weight", length=leaves if leaves > 1 else None)
        _check_reals(tree["shrinkage"], "shrinkage", length=1)
        counts = _integers(tree["leaf_count"], "leaf_count", length=leaves if leaves > 1 else None)
        if (counts < 0).any() or (splits["internal_count"] < 1).any() or max(counts, default=0) >= 2**31:
            raise ValueError("a count of rows is not one")
        if ((splits["split_feature"] < 0) | (splits["split_feature"] >= columns)).any():
            raise ValueError(f"split_feature names a column beyond the {columns} that there are")
        kinds = splits["decision_type"]
        if ((kinds < 0) | (kinds & _CATEGORICAL != 0) | (kinds >= _DECISIONS)).any():
            raise ValueError("decision_type is no numerical split's")
        _check_children(splits["left_child"], splits["right_child"])
    except ValueError as error:
        raise ValueError(f"tree {index}: {error}") from None


def _check_children(left: NDArray[np.int64], right: NDArray[np.int64]) -> None:
    """Every split but the first, and every leaf, is the child of one split, which stands before it."""
    count = len(left)
    children = np.concatenate([left, right])
    expected = np.concatenate([np.arange(-(count + 1) if count else 0, 0), np.arange(1, count)])
    parents = np.tile(np.arange(count), 2)
    inner = children >= 0
    if not np.array_equal(np.sort(children), expected) or (children[inner] <= parents[inner]).any():
        raise ValueError("left_child and right_child make no tree")
    depth = np.zeros(count, np.int64)
    for parent in range(count):
        for child in (left[parent], right[parent]):
            if child >= 0:
                depth[child] = depth[parent] + 1
    if depth.max(initial=0) >= MAX_DEPTH:
        raise ValueError(f"it is deeper than {MAX_DEPTH} splits")


def _integers(value: str, key: str, *, length: int | None = None) -> NDArray[np.int64]:
    return np.array(_words(value, key, pattern=_INTEGERS, length=length, number=int), np.int64)


def _check_reals(value: str, key: str, *, length: int | None = None) -> None:
    if not np.isfinite(_words(value, key, pattern=_REALS, length=length, number=float)).all():
        raise ValueError(f"{key} holds a number that is not finite")


def _words(
    value: str, key: str, *, pattern: re.Pattern[str], length: int | None, number: Callable[[str], T]
) -> list[T]:
    words = value.split(" ") if value else []
    if pattern.fullmatch(value) and length in (None, len(words)) and max(map(len, words), default=0) <= 32:
        try:
            return [number(word) for word in words]
        except ValueError:
            pass
    raise ValueError(f"{key} holds no {'' if length is None else f'{length} '}numbers")
