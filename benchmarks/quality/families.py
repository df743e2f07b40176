"""Families of forgeries made of val reals, each by one tool, and what training would have to practise to know it.

Every picture is saved as its original was. Beside them lie the real faces that they are compared with, saved once
more as well (`real`), and honest edits (`edited`). Whether `superres` and `autoencoder` are unknown depends on what a
run was trained on: kind `restoration` is drawn by smaller nets of the same makers, kind `reconstruction` by the very
auto-encoder.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from PIL import Image
from torch import nn

from benchmarks.quality import rows as data
from benchmarks.quality.conditions import U8, seeded
from benchmarks.quality.forgeries import Eigenfaces, clone, edited, reenact, swap
from benchmarks.quality.multiband import multiband
from benchmarks.quality.portraits import Portrait, find_faces
from benchmarks.quality.runs import over_chunks
from features.views import Face
from models.generators.registry import GENERATORS, GeneratorMissing, Redraw, load, restorer_files
from models.generators.restoration import read_net, restore
from pipeline.runtime.process import limit_threads
from pipeline.storage.files import appearing
from pipeline.storage.images import read_bytes, recompress_like

Tool = Callable[[Portrait, Portrait, np.random.Generator], U8]  # onto, donor

REAL, EDITED = "real", "edited"
_EACH = 240  # real faces per source
_FEW = 120  # where a net draws: the large one takes 1.9 s of a core for a picture of 224 px
_LEARNED = 700  # real train faces per source that the eigenfaces are of
LARGE_NET, _FACTOR = "REALESRGAN_X4PLUS_UP4X", 4  # no pseudo-fake is drawn by it


@dataclass(frozen=True)
class Family:
    """Forgeries by one tool. like : the kind of pseudo-fake that teaches the like, if any; each : per source."""

    like: str | None = None
    each: int = _EACH


FAMILIES = {
    "swap": Family(),
    "clone": Family(),
    "multiband": Family(),
    "eigenface": Family(),
    "superres": Family(like="restoration", each=_FEW),
    "autoencoder": Family(like="reconstruction", each=_FEW),
    "reenact": Family(like="blend"),  # some self-blended faces are moulded by smooth fields
}
UNKNOWN = tuple(
    name for name, family in FAMILIES.items() if family.like is None
)  # nothing trains on the like of it

# Without those that have to be learned or loaded first.
_TOOLS: dict[str, Tool] = {
    REAL: lambda onto, donor, rng: onto.pixels,
    EDITED: lambda onto, donor, rng: edited(onto, rng),
    "swap": lambda onto, donor, rng: swap(onto, donor),
    "clone": lambda onto, donor, rng: clone(onto, donor),
    "multiband": lambda onto, donor, rng: multiband(onto, donor),
    "reenact": lambda onto, donor, rng: reenact(onto, rng),
}


def of_kind(kind: str) -> tuple[str, ...]:
    """The families whose like a kind of pseudo-fake teaches."""
    return tuple(name for name, family in FAMILIES.items() if family.like == kind)


def generators(weights: Path) -> tuple[dict[str, Tool], dict[str, str]]:
    """The tools that are nets, and the reason for each that is missing.

    weights : folder that may hold auto-encoders in its sub-folders.
    """
    tools: dict[str, Tool] = {}
    missing: dict[str, str] = {}
    find: dict[str, Callable[[], Tool]] = {
        "superres": lambda: partial(_enlarge, restorer_files((LARGE_NET,))[0]),
        "autoencoder": lambda: partial(_encode, tuple(GENERATORS["reconstruction"](weights))),
    }
    for name, make in find.items():
        try:
            tools[name] = make()
        except GeneratorMissing as reason:
            missing[name] = str(reason)
    return tools, missing


def _enlarge(param: Path, onto: Portrait, donor: Portrait, rng: np.random.Generator) -> U8:
    """The picture at a quarter of its size, drawn large again."""
    return restore(_large_net(param), onto.pixels, factor=_FACTOR, reduce=cv2.INTER_AREA, device="cpu")


def _encode(files: tuple[Path, ...], onto: Portrait, donor: Portrait, rng: np.random.Generator) -> U8:
    """The picture encoded and decoded again."""
    return _autoencoder(files)(onto.pixels, rng)


@lru_cache(maxsize=1)
def _large_net(param: Path) -> nn.Module:
    return read_net(param, "cpu")


@lru_cache(maxsize=1)
def _autoencoder(files: tuple[Path, ...]) -> Redraw:
    return load("reconstruction", files, device="cpu")


def write(folder: Path, rows: pd.DataFrame, *, weights: Path) -> pd.DataFrame:
    """Make the pictures of val reals that `folder` lacks; real faces without landmarks are passed over.

    A family whose net is missing is left out, and said to be. Returns the pictures' rows: img_name (`kind/name`),
    path, source, group, target.
    """
    nets, missing = generators(weights)
    for kind, reason in missing.items():
        sys.stderr.write(f"forgeries: {kind} is left out: {reason}\n")
    kinds = (REAL, EDITED, *(name for name in FAMILIES if name not in missing))
    listed = folder / "rows.parquet"
    if listed.is_file():
        written = pd.read_parquet(listed)
        if set(kind_of(written)) == set(kinds):
            return written
    reals = rows[rows["target"] == 0]
    shown = data.drawn(reals[reals["split"] == "val"], by=["source"], each=_EACH)
    faces = find_faces(shown["path"], describe="faces")
    shown = shown[[face.found for face in faces]].reset_index(drop=True)
    faces = [face for face in faces if face.found]
    of_each = {kind: _make(folder, kind, shown, faces, tools=_TOOLS | nets, learn=reals) for kind in kinds}
    written = pd.concat(of_each.values(), ignore_index=True)
    with appearing(listed) as part:
        written.to_parquet(part, index=False)
    return written


def kind_of(rows: pd.DataFrame) -> pd.Series:
    """REAL, EDITED or the family of each row of `write`."""
    return rows["img_name"].str.partition("/")[0]


def _make(
    folder: Path,
    kind: str,
    shown: pd.DataFrame,
    faces: Sequence[Face],
    *,
    tools: dict[str, Tool],
    learn: pd.DataFrame,
) -> pd.DataFrame:
    """Make what is missing of a kind; returns its rows. learn : real rows, whose train faces eigenfaces are of."""
    each = FAMILIES[kind].each if kind in FAMILIES else _EACH
    chosen = data.drawn(shown, by=["source"], each=each)
    made = chosen.assign(
        img_name=[f"{kind}/{name}" for name in chosen["img_name"]],
        path=[str(folder / kind / f"{name}.png") for name in chosen["img_name"]],
        target=int(kind in FAMILIES),
    )
    missing = {name for name, path in zip(chosen["img_name"], made["path"]) if not Path(path).is_file()}
    if missing:
        tool = _eigenface_tool(learn) if kind == "eigenface" else tools[kind]
        tasks = _tasks(folder / kind, shown, faces, missing=missing)
        over_chunks(partial(_draw, tool=tool), tasks, describe=f"forgeries, {kind}")
    return made


def _eigenface_tool(reals: pd.DataFrame) -> Tool:
    learned = data.drawn(reals[reals["split"] == "train"], by=["source"], each=_LEARNED)
    faces = find_faces(learned["path"], describe="faces to learn")
    found = [Portrait.read(path, face) for path, face in zip(learned["path"], faces) if face.found]
    model = Eigenfaces.fit(found)
    return lambda onto, donor, rng: model.redraw(onto, donor)


def _tasks(folder: Path, shown: pd.DataFrame, faces: Sequence[Face], *, missing: set[str]) -> pd.DataFrame:
    """Per missing picture: path, face, donor, donor_face, to, and the rng that drew the donor and goes on drawing.

    The donor is another person's face of the same source. Raises ValueError where a source has none.
    """
    source, group, paths = (shown[name].to_numpy(str) for name in ("source", "group", "path"))
    tasks = []
    for at, name in enumerate(shown["img_name"]):
        if name not in missing:
            continue
        others = np.flatnonzero((source == source[at]) & (group != group[at]))
        if not len(others):
            raise ValueError(
                f"forgeries: source {source[at]} has val reals of one group alone, {group[at]}; a swap needs two"
            )
        rng = seeded(f"{folder.name}/{name}")
        donor = int(rng.choice(others))
        to = folder / f"{name}.png"
        tasks.append((paths[at], faces[at], paths[donor], faces[donor], to, rng))
    return pd.DataFrame(tasks, columns=["path", "face", "donor", "donor_face", "to", "rng"])


def _draw(tasks: pd.DataFrame, *, tool: Tool) -> None:
    """Make the pictures of some tasks; each is whole as soon as it is visible."""
    limit_threads(1)
    for task in tasks.itertuples():
        onto, donor = Portrait.read(task.path, task.face), Portrait.read(task.donor, task.donor_face)
        save(tool(onto, donor, task.rng), task.to, like=read_bytes(task.path))


def save(pixels: U8, path: Path, *, like: bytes) -> None:
    """Write a PNG file of the picture as it comes back from a file like this one."""
    with appearing(path) as part:
        Image.fromarray(recompress_like(pixels, like)).save(part, format="PNG")
