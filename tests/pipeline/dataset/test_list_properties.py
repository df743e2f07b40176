"""Lists, names and folders as hypothesis draws them: one row each, in order, and no exception but a LabelError."""

from __future__ import annotations

import os
import shutil
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipeline.dataset.dataset_files import find, read_all, warnings
from pipeline.dataset.image_folders import is_hidden, walk
from pipeline.dataset.image_search import notes, read_list
from pipeline.dataset.lists import LabelError, parse, read_groups, split_fields
from pipeline.dataset.spellings import folded, shown
from pipeline.serving.inputs import named_files

quick = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)

# One component of a path on a Linux disk: anything but a slash, a line end and NUL, 255 bytes at most.
component = (
    st.text(st.characters(exclude_characters="/\0\r\n", exclude_categories=["Cs"]), min_size=1, max_size=40)
    .map(str.strip)
    .filter(lambda text: text not in ("", ".", ".."))
)
name = st.lists(component, min_size=1, max_size=3).map("/".join)
field = st.one_of(
    name, st.text(max_size=30), st.sampled_from(["..", "/", "\\", "../x", "~", "C:\\x", "\ufeff", '"'])
)


@contextmanager
def folder() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp())
    try:
        yield place
    finally:
        shutil.rmtree(place)


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def quoted(text: str, separator: str) -> str:
    needs = any(mark in text for mark in (separator, '"')) or text != text.strip()
    return '"' + text.replace('"', '""') + '"' if needs else text


@quick
@given(
    st.lists(st.tuples(name, st.integers(0, 1))),
    st.sampled_from(",\t;"),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_what_is_written_is_what_is_read(rows: list[tuple[str, int]], separator: str, end: str) -> None:
    lines = [separator.join(("img_name", "target"))]
    lines += [f"{quoted(text, separator)}{separator}{target}" for text, target in rows]
    with folder() as root:
        parsed = parse(written(root / "train_label.txt", end.join([*lines, ""]).encode()), split="train")
    assert [(row.name, row.target) for row in parsed] == rows
    assert [row.line for row in parsed] == list(range(2, len(rows) + 2))


@quick
@given(st.lists(field.filter(str.strip), max_size=8), st.booleans())
def test_each_line_of_any_list_has_its_row_in_its_place(lines: list[str], targets: bool) -> None:
    lines = [" ".join(line.replace("\r", "\n").split("\n")) for line in lines]
    header = "img_name,target" if targets else "img_name"
    with folder() as root:
        (root / "x").mkdir()
        path = written(root / "names.txt", "\n".join([header, *lines]).encode())
        rows = read_list(path, split="test", folders=[root / "x"], root=root / "x")
        notes(rows, root=root)
    kept = [number for number, line in enumerate(lines, start=2) if line.strip()]
    assert [row.line for row in rows] == kept
    assert {row.status for row in rows} <= {"missing_file", "outside_root"}
    assert all(row.detail and "\n" not in row.detail and len(row.detail) < 500 for row in rows)


@quick
@given(
    st.binary(max_size=300), st.sampled_from([b"", b"img_name\n", b"img_name,target\n", b"img_name;group\n"])
)
def test_bytes_give_rows_or_one_line_that_says_why_not(data: bytes, header: bytes) -> None:
    with folder() as root:
        path = written(root / "train_label.txt", header + data)
        for read in (
            lambda: read_list(path, split="train", folders=[root], root=root),
            lambda: read_groups(path),
            lambda: named_files([root], path),
            lambda: read_all(find(root)),
        ):
            try:
                read()
            except LabelError as error:
                message = str(error)
                assert message.isprintable() and len(message) < 1000


@quick
@given(st.text(max_size=60), st.sampled_from(",\t;"))
def test_a_line_is_split_without_an_exception(line: str, separator: str) -> None:
    assert all(isinstance(text, str) for text in split_fields(line, separator))


def made(root: Path, names: list[str]) -> set[str]:
    """Files of these names, as far as they can lie in one folder."""
    for text in names:
        try:
            (root / text).parent.mkdir(parents=True, exist_ok=True)
            (root / text).write_bytes(b"\xff\xd8\xff")
        except OSError:  # too long, or a file where another name needs a folder
            continue
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


@quick
@given(st.lists(name, max_size=8))
@example(["@EADIR", "a/@eaDir/b", "$recycle.bin", "a/c"])
def test_the_walk_finds_each_file_once_or_counts_it_and_a_list_finds_it_again(names: list[str]) -> None:
    with folder() as root:
        present = made(root / "images", names)
        found = walk(root / "images")
        assert found.names == sorted(set(found.names))
        shown_parts = {text for text in present if not any(map(is_hidden, text.split("/")))}
        assert set(found.names) == shown_parts
        assert bool(found.skipped) == (present != shown_parts or (root / "images").exists() is False)
        lines = ["img_name,target", *(f"{quoted(text, ',')},0" for text in found.names)]
        path = written(root / "test.txt", "\n".join(lines).encode())
        rows = read_list(path, split="test", folders=[root / "images"], root=root / "images")
        assert [(row.status, row.name, row.detail) for row in rows] == [
            ("ok", text, "") for text in found.names
        ]
        assert [os.path.relpath(row.path, root / "images") for row in rows] == found.names


@quick
@given(name, st.sampled_from(["NFC", "NFD"]), st.sampled_from([str.lower, str.upper, str.title, str]))
def test_a_name_is_found_in_another_form_with_a_remark_or_refused_with_a_reason(text, form, case) -> None:
    listed = case(unicodedata.normalize(form, text))
    with folder() as root:
        if not made(root / "images", [text]):
            return
        path = written(root / "test.txt", f"img_name,target\n{quoted(listed, ',')},0\n".encode())
        rows = read_list(path, split="test", folders=[root / "images"], root=root / "images")
        if not rows:  # nothing but spaces is a blank line
            return
        (row,) = rows
        if row.path:
            assert os.path.samefile(row.path, root / "images" / text)
            assert bool(row.detail) == (row.name != text)
        else:
            assert row.status in ("missing_file", "outside_root") and row.detail
            assert [folded(part) for part in listed.split("/")] != [folded(part) for part in text.split("/")]


@quick
@given(
    st.binary(min_size=1, max_size=60).filter(
        lambda data: not set(data) & set(b"/\0") and data not in (b".", b"..")
    )
)
def test_names_that_are_not_utf8_pass_through(data: bytes) -> None:
    with folder() as root:
        (root / os.fsdecode(data)).write_bytes(b"\xff\xd8\xff")
        found = walk(root)
        assert [os.fsencode(text) for text in found.names] == ([] if data.startswith(b".") else [data])
        assert shown(os.fsdecode(data)).isprintable()
        if found.names:
            assert named_files([root], None).files == [(os.fsdecode(data), str(root / os.fsdecode(data)))]
        else:
            with pytest.raises(LabelError, match="no image in"):
                named_files([root], None)


@quick
@given(st.lists(st.tuples(component, component), max_size=6), st.lists(name, max_size=4))
def test_links_of_any_kind_end(links: list[tuple[str, str]], names: list[str]) -> None:
    with folder() as root:
        made(root / "testset", names)
        (root / "testset").mkdir(exist_ok=True)
        written(root / "train_label.txt", b"img_name,target\n")
        for link, target in [*links, ("a", "."), ("b", ".."), ("c", "a"), ("d", "/")]:
            try:
                (root / "testset" / link).symlink_to(target)
            except OSError:
                continue
        files = find(root)
        rows = read_all(files)
        assert len(rows) == len(files.test_folders[0].names)
        assert {row.status for row in rows} <= {"ok"}
        assert not any(row.linked_to for row in rows)
        assert all(line.isprintable() for line in warnings(files, val_share=0.15))
