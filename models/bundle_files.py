"""The files of a bundle: its record is checked before any part is read, and each part against the record."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from models.bundle_info import FILE, BundleError, BundleInfo, sha256

FORMAT = 2  # of bundle.json; a bundle of another format is refused
MAX_RECORD = 64 << 20  # bytes


def files_of(folder: Path) -> dict[str, str]:
    """Path and SHA-256 of every file of a bundle but its record."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256(path) for path in found if path != folder / FILE}


def write_info(folder: Path, info: BundleInfo) -> None:
    """Write bundle.json: the last file of a bundle, which makes it complete."""
    (folder / FILE).write_text(_text(info.model_dump()), encoding="utf-8")


def read_info(folder: Path) -> BundleInfo:
    """The record of a bundle, after a check that it is whole and that every file is the one that it names.

    Raises
    ------
    BundleError
        Naming the part that is missing, damaged, altered or not named in the record.
    """
    info = parse_record(folder, read_record(folder))
    check_files(folder, info)
    return info


def check_files(folder: Path, info: BundleInfo) -> None:
    """Raise BundleError where a file is missing or is not the one that the record names."""
    for name, digest in info.files.items():
        path = folder / name
        if not path.is_file():
            raise BundleError(
                f"{folder}: {name} is missing or no plain file; copy the whole folder again or train again"
            )
        _refuse_other(folder, name, same=sha256(path) == digest)


def read_part(folder: Path, info: BundleInfo, path: Path) -> bytes:
    """The bytes of a part, which are those that its record names, whatever happened to the file since.

    Raises
    ------
    BundleError
        Where the record names no such part, or the file is another one.
    """
    name = path.relative_to(folder).as_posix()
    if name not in info.files:
        raise BundleError(
            f"{folder}: {name} is not named in {FILE}; copy the whole folder again or train again"
        )
    if not path.is_file():
        raise BundleError(
            f"{folder}: {name} is missing or no plain file; copy the whole folder again or train again"
        )
    data = path.read_bytes()
    _refuse_other(folder, name, same=hashlib.sha256(data).hexdigest() == info.files[name])
    return data


def _refuse_other(folder: Path, name: str, *, same: bool) -> None:
    if not same:
        raise BundleError(
            f"{folder}: {name} is damaged or was altered (its SHA-256 is not that of {FILE}); copy the whole folder "
            "again or train again"
        )


def read_record(folder: Path) -> bytes:
    """The bytes of bundle.json.

    Raises
    ------
    BundleError
        Where there is none, or something else in its place.
    """
    path = folder / FILE
    if not path.is_file():
        found = f", but {FILE} there is no plain file" if path.exists() else ""
        raise BundleError(
            f"{folder} holds no {FILE}{found}; train a bundle with `dvc repro` or name one with --bundle"
        )
    size = path.stat().st_size
    if size > MAX_RECORD:
        raise BundleError(
            f"{path} has {size:,} bytes, allowed are {MAX_RECORD:,}: it is no bundle's record; copy the bundle again"
        )
    return path.read_bytes()


def parse_record(folder: Path, content: bytes) -> BundleInfo:
    """The record in the bytes of a folder's bundle.json.

    Raises
    ------
    BundleError
        Where it is damaged, of another format, or says what no bundle has.
    """
    path = folder / FILE
    try:
        text = content.decode("utf-8")
        raw = json.loads(text)
        version = raw["format"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise BundleError(
            f"{path} is damaged: it is no JSON record; copy the bundle again or train again"
        ) from None
    if version != FORMAT:
        raise BundleError(
            f"{path} has format {ascii(version)[:40]}, this release reads {FORMAT}; train again with `dvc repro`"
        )
    try:
        info = BundleInfo.model_validate(raw.get("record"))
        canonical = _text(info.model_dump())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "record"
        raise BundleError(
            f"{path} is damaged: {_printable(where)}: {_printable(first['msg'])}; copy the bundle again or train again"
        ) from None
    except (
        ValueError,
        RecursionError,
    ):  # values of any kind in `params`, which JSON has and a record has not
        raise BundleError(
            f"{path} is damaged: it holds what no record has; copy the bundle again or train again"
        ) from None
    if text != canonical:
        raise BundleError(
            f"{path} is damaged or was altered: its SHA-256 is not the one that it states; train again"
        )
    return info


def _printable(text: str) -> str:
    """At most 200 characters on one line: a record's author chooses them."""
    return ascii(text[:200])[1:-1]


def _text(record: dict[str, Any]) -> str:
    digest = hashlib.sha256(
        json.dumps(record, sort_keys=True, ensure_ascii=True, allow_nan=False).encode()
    ).hexdigest()
    return json.dumps({"format": FORMAT, "sha256": digest, "record": record}, indent=1) + "\n"
