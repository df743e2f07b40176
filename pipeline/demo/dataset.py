"""Plans the demo set and writes it: pictures, label lists, groups, and what was done to whom."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import joblib
import numpy as np
from tqdm import tqdm

from models.errors import UserError
from pipeline.demo.camera import CAMERAS, capture
from pipeline.demo.forgery import OPERATIONS, forge
from pipeline.demo.person import Person, Shot, draw_person, draw_shot
from pipeline.demo.portrait import Portrait, draw_portrait

GENERATOR_VERSION = 1  # raise it whenever the bytes of a picture change
MINIMUM_IMAGES = 12
_SHARES = {"val": 0.25, "test": 0.10}
_STREAMS = ("person", "real shot", "fake shot", "donor", "forgery", "real camera", "fake camera")


@dataclass(frozen=True)
class Picture:
    """One finished picture and its place in the set."""

    name: str
    split: str
    target: int
    source: str
    group: str
    operation: str
    data: bytes


class DemoDataError(UserError):
    """The output folder holds something that must not be overwritten."""


def plan_splits(images: int) -> list[str]:
    """The split of every identity; an identity is one real picture and one fake."""
    people = (images + 1) // 2
    counts = {split: max(1, round(share * people)) for split, share in _SHARES.items()}
    train = people - sum(counts.values())
    return ["train"] * train + ["val"] * counts["val"] + ["test"] * counts["test"]


def make_pair(seed: int, number: int, split: str) -> list[Picture]:
    """The real picture and the fake of an identity; (seed, number) alone decide their bytes.

    Parameters
    ----------
    seed, number : int
    split : {"train", "val", "test"}

    Returns
    -------
    list of Picture, the real one first
    """
    cv2.setNumThreads(1)  # one process per core already; OpenCV's pool would oversubscribe
    sequences = np.random.SeedSequence([seed, number]).spawn(len(_STREAMS))
    streams = {name: np.random.default_rng(s) for name, s in zip(_STREAMS, sequences, strict=True)}
    person = draw_person(streams["person"])
    source = str(streams["person"].choice(sorted(CAMERAS)))
    operation = str(streams["forgery"].choice(OPERATIONS))
    shots = {kind: draw_shot(streams[f"{kind} shot"]) for kind in ("real", "fake")}
    scenes = {kind: draw_portrait(person, shots[kind], streams[f"{kind} shot"]) for kind in shots}
    donor = None
    if operation == "face_swap":
        donor = draw_donor(shots["fake"], streams["donor"])
    images = {
        "real": scenes["real"].image,
        "fake": forge(operation, scenes["fake"], rng=streams["forgery"], donor=donor),
    }
    return [
        Picture(
            name=_opaque(seed, number, kind) + ".jpg",
            split=split,
            target=int(kind == "fake"),
            source=source,
            group=_opaque(seed, number, "person"),
            operation=operation if kind == "fake" else "none",
            data=capture(image, camera=CAMERAS[source], rng=streams[f"{kind} camera"]),
        )
        for kind, image in images.items()
    ]


def draw_donor(shot: Shot, rng: np.random.Generator) -> Portrait:
    """Another identity, posed like ``shot`` but drawn smaller, as swap networks work."""
    donor: Person = draw_person(rng)
    similar = replace(
        shot.scaled(rng.uniform(0.4, 0.65)),
        yaw=shot.yaw + rng.uniform(-0.1, 0.1),
        pitch=shot.pitch + rng.uniform(-0.05, 0.05),
        smile=rng.uniform(-0.25, 1.0),
    )
    return draw_portrait(donor, similar, rng)


def _opaque(seed: int, number: int, what: str) -> str:
    """A name that tells nothing: 16 hexadecimal digits of a hash."""
    return hashlib.sha256(f"{seed}/{number}/{what}".encode()).hexdigest()[:16]


def make_dataset(
    out: Path, *, images: int, seed: int, workers: int | None = None, force: bool = False
) -> bool:
    """Write the demo set to ``out``: beside it first, renamed when complete.

    Parameters
    ----------
    out : Path
    images, seed : int
    workers : int or None
        Processes, None for one per core; it does not change a byte.
    force : bool
        Replace a demo set that is there already.

    Returns
    -------
    bool, False when the same set is there already and is kept

    Raises
    ------
    DemoDataError
        ``out`` holds other files, or without ``force`` a demo set made with other arguments.
    """
    arguments = {"generator_version": GENERATOR_VERSION, "images": images, "seed": seed}
    if _holds_same_set(out, arguments, force=force):
        return False
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    splits = plan_splits(images)
    jobs = joblib.Parallel(n_jobs=workers or joblib.cpu_count(), return_as="generator")(
        joblib.delayed(make_pair)(seed, number, split) for number, split in enumerate(splits)
    )
    pairs = tqdm(jobs, total=len(splits), desc="drawing faces", unit="person", mininterval=1.0)
    pictures = [picture for pair in pairs for picture in pair][:images]
    _write_set(partial, pictures, seed=seed)
    _write_json(partial / "demo.json", {**arguments, "operations": list(OPERATIONS)})
    before = out.with_name(f".{out.name}.before")
    shutil.rmtree(before, ignore_errors=True)
    if out.exists():
        os.replace(out, before)
    os.replace(partial, out)
    shutil.rmtree(before, ignore_errors=True)
    return True


def is_demo_set(folder: Path, *, images: int | None = None, seed: int = 0) -> bool:
    """Whether a folder holds a demo set: any, or the one of these arguments."""
    found = _read_arguments(folder / "demo.json")
    if images is None:
        return found.get("generator_version") is not None
    return found == {"generator_version": GENERATOR_VERSION, "images": images, "seed": seed}


def _holds_same_set(out: Path, arguments: dict[str, int], *, force: bool) -> bool:
    """Whether ``out`` holds this very set; DemoDataError when it must not be replaced."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    record = out / "demo.json"
    if not record.is_file():
        raise DemoDataError(
            f"{out}: holds something that is not demo data (no demo.json), which is never deleted; "
            "name a new or empty folder"
        )
    found = _read_arguments(record)
    if found == arguments and not force:
        return True
    if not force:
        raise DemoDataError(
            f"{out}: holds demo data made with {_spell(found)}, but {_spell(arguments)} are wanted; "
            "`python -m pipeline.demo --force --out FOLDER` replaces it"
        )
    foreign = _foreign_files(out)
    if foreign:
        raise DemoDataError(
            f"{out}: {len(foreign)} files are not of the demo set and would be deleted, the first is {foreign[0]}; "
            "move them somewhere else"
        )
    return False


def _foreign_files(out: Path) -> list[str]:
    """Files that no demo set has, by the list of its pictures."""
    known = {"demo.json", "groups.csv", "test_list.txt", "train_label.txt", "truth.csv", "val_label.txt"}
    if (out / "truth.csv").is_file():
        with (out / "truth.csv").open(encoding="utf-8", newline="") as stream:
            known |= {f"{row['split']}set/{row['img_name']}" for row in csv.DictReader(stream)}
    files = (path.relative_to(out).as_posix() for path in sorted(out.rglob("*")) if path.is_file())
    return [name for name in files if name not in known]


def _read_arguments(record: Path) -> dict[str, object]:
    try:
        content = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict):
        return {}
    return {key: content.get(key) for key in ("generator_version", "images", "seed")}


def _spell(arguments: dict[str, object] | dict[str, int]) -> str:
    return ", ".join(f"{key}={value}" for key, value in arguments.items()) or "unreadable arguments"


def _write_set(root: Path, pictures: list[Picture], *, seed: int) -> None:
    order = np.random.default_rng([seed, len(pictures)]).permutation(len(pictures))
    shuffled = [pictures[i] for i in order]
    for split in ("train", "val", "test"):
        (root / f"{split}set").mkdir()
    for picture in shuffled:
        (root / f"{picture.split}set" / picture.name).write_bytes(picture.data)
    for split in ("train", "val"):
        rows = [(p.name, p.target) for p in shuffled if p.split == split]
        _write_csv(root / f"{split}_label.txt", ("img_name", "target"), rows)
    names = [(p.name,) for p in shuffled if p.split == "test"]
    _write_csv(root / "test_list.txt", ("img_name",), names)
    groups = [(p.name, p.source, p.group) for p in shuffled]
    _write_csv(root / "groups.csv", ("img_name", "source", "group"), groups)
    truth = [(p.name, p.split, p.target, p.operation) for p in shuffled]
    _write_csv(root / "truth.csv", ("img_name", "split", "target", "operation"), truth)


def _write_csv(path: Path, header: tuple[str, ...], rows: Iterable[tuple]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _write_json(path: Path, content: dict[str, object]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8", newline="\n")
