"""One method trained without one source, and its scores: kept in the scratch folder, never made twice."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.quality.peers import Peer
from benchmarks.quality.rows import picture, training
from pipeline.storage.files import appearing

NONE = "none"
IMAGES_PER_BATCH = 32  # pictures in memory at a time
PROCESSES = 2
Result = TypeVar("Result")
KEPT = ["img_name", "source", "group", "target"]


@dataclass(frozen=True)
class Run:
    """A method and what it was not trained on.

    held : a source, NONE, or another name (`without-blend`); work : the scratch folder.
    """

    work: Path
    method: str
    held: str

    @property
    def folder(self) -> Path:
        """Where its scores lie."""
        return self.work / "scores" / self.method / self.held

    @property
    def source(self) -> str | None:
        """The held-out source."""
        return None if self.held == NONE else self.held

    def has(self, condition: str) -> bool:
        """Whether it was scored under this condition."""
        return (self.folder / f"{condition}.parquet").is_file()

    def read(self, condition: str) -> pd.DataFrame:
        """img_name, source, group, target, score; novelty where the method has one."""
        return pd.read_parquet(self.folder / f"{condition}.parquet")

    def write(
        self, condition: str, rows: pd.DataFrame, score: NDArray[np.float64], **more: NDArray[np.float64]
    ) -> None:
        """Keep the scores of these rows, and more by name; the file is whole as soon as it is visible."""
        with appearing(self.folder / f"{condition}.parquet") as part:
            rows[KEPT].assign(score=score, **more).to_parquet(part, index=False)

    def facts(self) -> dict[str, Any]:
        """What `note` wrote."""
        path = self.folder / "facts.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def note(self, **facts: float | str | list[str] | dict[str, float]) -> None:
        """Add to its facts: seconds of training, by stage, parameters, kinds of pseudo-fake."""
        self.folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps({**self.facts(), **facts}, indent=1)
        (self.folder / "facts.json").write_text(text, encoding="utf-8")


def chunks(rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Consecutive chunks of IMAGES_PER_BATCH rows."""
    return (rows.iloc[start : start + IMAGES_PER_BATCH] for start in range(0, len(rows), IMAGES_PER_BATCH))


def over_chunks(
    function: Callable[[pd.DataFrame], Result], rows: pd.DataFrame, *, describe: str
) -> list[Result]:
    """`function` of consecutive chunks of the rows, in two processes, in order."""
    parallel = joblib.Parallel(n_jobs=PROCESSES, return_as="generator", batch_size=1)
    work = (joblib.delayed(function)(chunk) for chunk in chunks(rows))
    return list(
        tqdm(
            parallel(work),
            total=-(-len(rows) // IMAGES_PER_BATCH),
            desc=describe,
            unit="chunk",
            mininterval=1.0,
        )
    )


def measure_peer(
    run: Run,
    rows: pd.DataFrame,
    tests: dict[str, pd.DataFrame],
    *,
    make: Callable[[], Peer],
    threads: int,
) -> None:
    """Train a peer if need be and score what is not scored yet. tests : rows by condition."""
    todo = {condition: tested for condition, tested in tests.items() if not run.has(condition)}
    if not todo:
        return
    peer = fitted(run, rows, make=make)
    for condition, tested in todo.items():
        run.write(condition, tested, peer_scores(peer, tested, condition, threads=threads))


def fitted(run: Run, rows: pd.DataFrame, *, make: Callable[[], Peer]) -> Peer:
    """The trained peer, kept as a pickle of ours in the scratch folder."""
    path = run.work / "fitted" / f"{run.method}-{run.held}.joblib"
    if path.is_file():
        return joblib.load(path)
    peer, start = make(), time.monotonic()
    peer.fit(training(rows, run.source))
    run.note(fit_seconds=round(time.monotonic() - start, 1))
    with appearing(path) as part:
        joblib.dump(peer, part)
    return peer


def peer_scores(peer: Peer, rows: pd.DataFrame, condition: str, *, threads: int) -> NDArray[np.float64]:
    """Scores of the rows under a condition, float64 (n,)."""
    done = []
    with (
        ThreadPoolExecutor(threads) as pool,
        tqdm(total=len(rows), desc=condition, unit="img", mininterval=1.0) as bar,
    ):
        for chunk in chunks(rows):
            pixels = pool.map(picture, chunk["path"], chunk["img_name"], [condition] * len(chunk))
            done.append(peer.score(list(pixels)))
            bar.update(len(chunk))
    return np.concatenate(done)
