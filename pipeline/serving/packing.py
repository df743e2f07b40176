"""A bundle as one file: an uncompressed ZIP of its parts, its record first."""

from __future__ import annotations

import errno
import shutil
import zipfile
from pathlib import Path

from models.bundle_files import MAX_RECORD, check_files, parse_record, read_record
from models.bundle_info import FILE, BundleError, BundleInfo
from pipeline.serving.version import version_of
from pipeline.storage.files import appearing
from pipeline.storage.outputs import check_outputs

MAX_BYTES = 20 << 30  # of all parts
_CHUNK = 1 << 20
# Places that no file has, and names that a disk holds for one: what the file says is wrong, not the disk.
_OF_THE_FILE = (errno.EINVAL, errno.EEXIST, errno.ENOTDIR)
_SAME_DATE = (1980, 1, 1, 0, 0, 0)  # the same bundle gives the same file


def pack(folder: Path, out: Path) -> None:
    """Write a bundle as one file.

    Parameters
    ----------
    folder : Path
        Its parts were compared with their hashes.
    out : Path

    Raises
    ------
    BundleError, OutputError
        The bundle cannot be read, or the file cannot be written.
    """
    info = parse_record(folder, read_record(folder))
    inputs = [folder / FILE, *(folder / name for name in info.files)]
    check_outputs([out], inputs=inputs)
    with appearing(out) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(_entry(FILE), read_record(folder))
        for name in sorted(info.files):
            with (
                archive.open(_entry(name), "w", force_zip64=True) as target,
                (folder / name).open("rb") as source,
            ):
                shutil.copyfileobj(source, target, _CHUNK)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _SAME_DATE)
    entry.external_attr = 0o644 << 16
    return entry


def unpack(file: Path, out: Path) -> str:
    """Lay a packed bundle out as a folder, which appears when every part is the one that the record names.

    Only what the record names is read, by its name there, and no more bytes than the file says: no name leads out of the
    folder, and nothing swells.

    Parameters
    ----------
    file : Path
    out : Path
        Not there yet.

    Returns
    -------
    str
        Version of the bundle.

    Raises
    ------
    BundleError
        Saying what of it cannot be used.
    """
    if out.exists():
        raise BundleError(f"{out} is there already; name a folder that is not, or remove it")
    if not file.is_file():
        raise BundleError(f"{file} is no file; name a packed bundle")
    try:
        with zipfile.ZipFile(file) as archive, appearing(out, is_folder=True) as part:
            version = _lay_out(archive, part, file=file)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, KeyError):
        raise BundleError(f"{file} is damaged, or no packed bundle; pack or copy it again") from None
    return version


def _lay_out(archive: zipfile.ZipFile, folder: Path, *, file: Path) -> str:
    names = archive.namelist()
    if len(set(names)) != len(names) or FILE not in names:
        raise BundleError(f"{file} holds no {FILE}, or a name twice; pack or copy it again")
    try:
        _copy(archive, FILE, folder, most=MAX_RECORD)
        info = parse_record(folder, read_record(folder))
        _copy_parts(archive, folder, info, file=file)
        check_files(folder, info)
    except BundleError as error:
        raise BundleError(str(error).replace(str(folder), str(file))) from None
    return version_of(folder)


def _copy_parts(archive: zipfile.ZipFile, folder: Path, info: BundleInfo, *, file: Path) -> None:
    names = set(archive.namelist())
    absent, other = sorted(info.files.keys() - names), sorted(names - info.files.keys() - {FILE})
    if absent or other:
        found = (
            f"does not hold {absent[0]}"
            if absent
            else f"holds {ascii(other[0])[:100]}, which its record does not name"
        )
        raise BundleError(f"{file} {found}; pack or copy it again")
    if sum(archive.getinfo(name).file_size for name in names) > MAX_BYTES:
        raise BundleError(f"{file} says it holds more than {MAX_BYTES:,} bytes; it is no bundle")
    for name in info.files:
        _copy(archive, name, folder, most=archive.getinfo(name).file_size)


def _copy(archive: zipfile.ZipFile, name: str, folder: Path, *, most: int) -> None:
    entry = archive.getinfo(name)
    if entry.file_size > most or entry.compress_type != zipfile.ZIP_STORED or entry.is_dir():
        raise BundleError(f"{folder}: {name} is too large, compressed or a folder; pack or copy it again")
    target = folder / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(entry) as source, target.open("xb") as copy:
            shutil.copyfileobj(source, copy, _CHUNK)
    except OSError as error:
        if error.errno not in _OF_THE_FILE:
            raise
        raise BundleError(f"{folder}: {name} is not where the file says; pack or copy it again") from None
