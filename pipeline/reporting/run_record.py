"""What a run left behind that says how to make it again: seeds, hashes, versions, the commit, the machine."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.bundle import Bundle
from pipeline.runtime import paths, yaml_file
from pipeline.serving.scoring import score_files
from pipeline.storage.files import made

LOCK = Path("dvc.lock")
TIMED_IMAGES = 16  # of val, scored once more to say how long that takes


@dataclass(frozen=True)
class RunRecord:
    """What the technical report says beside the figures.

    Attributes
    ----------
    settings : dict
        cache/params.yaml, by section.
    outputs : list of (stage, path, MD5)
        Of dvc.lock; empty where DVC has not run.
    commit : str
        Of the code's repository; empty without one.
    machine : str
        Processor, cores and system of this machine, now.
    python : str
        Its version.
    bundle_bytes : int
        Size of the bundle.
    seconds : float or None
        Of scoring one image on one core, measured now; None without a val image that is still there.
    timed : int
        Images that it is the mean of.
    """

    settings: dict[str, Any]
    outputs: list[tuple[str, str, str]]
    commit: str
    machine: str
    python: str
    bundle_bytes: int
    seconds: float | None
    timed: int

    @property
    def seeds(self) -> dict[str, int]:
        """Every seed of the settings, by its key."""
        return dict(_seeds(self.settings))


def _seeds(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, int]]:
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _seeds(value, f"{prefix}{key}.")
        elif key == "seed":
            yield f"{prefix}{key}", value


def read_record(bundle: Bundle, images: Sequence[str]) -> RunRecord:
    """Read what the run in this folder left, and time the scoring of a few images.

    Parameters
    ----------
    bundle : Bundle
        The run's model.
    images : sequence of str
        Paths of val images; the first `TIMED_IMAGES` that are there are scored.
    """
    present = [path for path in images if os.path.isfile(path)][:TIMED_IMAGES]
    return RunRecord(
        settings=yaml_file.load(made(paths.SETTINGS)),
        outputs=_outputs(LOCK),
        commit=_commit(),
        machine=f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
        python=platform.python_version(),
        bundle_bytes=sum(path.stat().st_size for path in paths.BUNDLE.rglob("*") if path.is_file()),
        seconds=_seconds(bundle, present) if present else None,
        timed=len(present),
    )


def _outputs(lock: Path) -> list[tuple[str, str, str]]:
    if not lock.is_file():
        return []
    stages = yaml_file.load(lock)["stages"]
    return [
        (stage, out["path"], out.get("md5", ""))
        for stage, facts in stages.items()
        for out in facts.get("outs", [])
    ]


def _commit() -> str:
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _processor() -> str:
    """As Linux names it, or as Python does elsewhere."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text(encoding="utf-8", errors="replace").splitlines() if facts.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _seconds(bundle: Bundle, images: Sequence[str]) -> float:
    """Mean time of an image, with everything loaded."""
    score_files([(path, path) for path in images[:1]], bundle)
    start = time.perf_counter()
    score_files([(path, path) for path in images], bundle)
    return (time.perf_counter() - start) / len(images)
