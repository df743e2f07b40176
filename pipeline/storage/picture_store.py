"""Pictures that are made once: lossless PNG files in immutable ZIP shards, addressed by key."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.storage.feature_store import SkippedError, readable
from pipeline.storage.files import appearing, keep_version, made, read_json, write_json
from pipeline.storage.hashed_files import ChangedFile
from pipeline.storage.image_headers import BadImage

INDEX = "pictures.json"
_PICTURE, _REASON = ".png", ".txt"
_FASTEST = [cv2.IMWRITE_PNG_COMPRESSION, 1]

Entry = tuple[str, NDArray[np.uint8] | BadImage]


@dataclass(frozen=True)
class PictureStore:
    """Pictures under keys. A shard is one file of `root/version/`, complete as soon as it is visible.

    Parameters
    ----------
    root : Path
        Folder of a kind.
    version : str
        Address of its pictures: see `pipeline.storage.feature_store.version_of`.
    unmade : dict of str to list of str
        Status, detail and path of the file by key, of pictures that the stage could not make this time.
    """

    root: Path
    version: str
    unmade: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.root / self.version

    def shards(self) -> list[Path]:
        """Complete shards, by name."""
        return sorted(self.folder.glob("*.zip"))

    def keys(self) -> set[str]:
        """Every key that has a picture, or a reason why it has none."""
        return set(self._index())

    def write(self, entries: Iterable[Entry], *, name: str) -> None:
        """Add one shard.

        Parameters
        ----------
        entries : iterable of (str, uint8 array of shape (H, W, 3), RGB, or BadImage)
            Key, and the picture or why there is none.
        name : str
            Of the shard.
        """
        with appearing(self.folder / f"{name}.zip") as part, ZipFile(part, "w", ZIP_STORED) as archive:
            for key, picture in entries:
                if isinstance(picture, BadImage):
                    archive.writestr(key + _REASON, json.dumps([picture.status, picture.detail]))
                else:
                    code = cv2.imencode(_PICTURE, picture[..., ::-1], _FASTEST)[1]
                    archive.writestr(key + _PICTURE, code.tobytes())

    def read(self, key: str) -> NDArray[np.uint8]:
        """One picture, uint8 (H, W, 3), RGB.

        Raises
        ------
        BadImage
            Where none could be made.
        ChangedFile
            Where none could be made this time.
        KeyError
            Where nobody has tried yet.
        """
        archive, entry = self._entry(key)
        data = archive.read(entry)
        if entry.endswith(_REASON):
            raise BadImage(*json.loads(data))
        return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB), np.uint8)

    def _entry(self, key: str) -> tuple[ZipFile, str]:
        index = self._index()
        if key not in index and key in self.unmade:
            status, detail, path = self.unmade[key]
            raise ChangedFile(status, f"stage generate has no picture {key}: {detail}", path)
        if key not in index:
            raise KeyError(f"{self.root}: picture {key} is missing; run `dvc repro`")
        return index[key]

    def _index(self) -> dict[str, tuple[ZipFile, str]]:
        facts = ((shard, shard.stat()) for shard in self.shards())
        return _read_index(tuple((shard, fact.st_size, fact.st_mtime_ns) for shard, fact in facts))

    def prune(self) -> None:
        """Remove other versions and unfinished shards: what can never be read again."""
        keep_version(self.folder)


def publish(store: PictureStore, unmade: Mapping[str, Sequence[str]] | None = None) -> None:
    """Say in `root/pictures.json` which version is current.

    Parameters
    ----------
    store : PictureStore
        Nothing is missing in it but what is unmade.
    unmade : dict of str to (str, str, str)
        Status, detail and path of the file by key, of pictures that could not be made this time.
    """
    facts: dict[str, Any] = {"version": store.version}
    if unmade:
        facts["unmade"] = {key: [readable(part) for part in unmade[key]] for key in sorted(unmade)}
    write_json(store.root / INDEX, facts)


def mark_skipped(root: Path, *, reason: str) -> None:
    """Say in `root/pictures.json` that this kind was not made, and why."""
    shutil.rmtree(root, ignore_errors=True)
    write_json(root / INDEX, {"skipped": reason})


def open_current(root: Path) -> PictureStore:
    """The current pictures of a kind.

    Raises
    ------
    NotMadeError
        The stage has not run.
    SkippedError
        The stage left the kind out; the message is the reason.
    """
    facts = read_json(made(root / INDEX))
    if "skipped" in facts:
        raise SkippedError(facts["skipped"])
    return PictureStore(root.absolute(), facts["version"], facts.get("unmade", {}))


@lru_cache(maxsize=8)
def _read_index(shards: tuple[tuple[Path, int, int], ...]) -> dict[str, tuple[ZipFile, str]]:
    """Archive and entry of every key; the archives stay open, and several threads may read one.

    Size and time are part of the key: a shard that lacked a picture may be made again under its name.
    """
    archives = [ZipFile(path) for path, _, _ in shards]
    return {Path(name).stem: (archive, name) for archive in archives for name in archive.namelist()}
