"""From files to scores with a bundle: what the command line, the API and the stage have in common."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from models.bundle import Bundle, Prediction
from pipeline.runtime.engine import Engine, folder_fingerprint
from pipeline.runtime.process import limit_threads, pick_device
from pipeline.storage.images import BadImage, read_image

IMAGES_PER_TASK = 32  # files read, scored and forgotten at a time
NO_FACE = "no face found: scored on the centred square of the whole image"
OUT_OF_DISTRIBUTION_FROM = 0.999  # of the novelty
OUT_OF_DISTRIBUTION = "unlike the training images (novelty): out of distribution, the score may mean little"
BY_MODEL, BY_PRIOR = "model", "training prior"


@dataclass(frozen=True)
class PredictionRow:
    """One line of the output. reason : empty, or what a reader has to know about this score.

    verdict : what the model says beside the score, None where the image could not be read.
    """

    name: str
    score: float
    source: str
    status: str
    reason: str
    prediction: Prediction | None = None


def load_bundle(folder: Path, device: str) -> Bundle:
    """A bundle, read once in a process as long as its files stay the same, however its folder is spelled."""
    return _read_bundle(folder.absolute(), device, folder_fingerprint(folder))


@lru_cache(maxsize=2)
def _read_bundle(folder: Path, device: str, _: object) -> Bundle:
    return Bundle.load(folder, device=device)


def score_files(files: Sequence[tuple[str, str]], bundle: Bundle) -> list[PredictionRow]:
    """Score (name, path) pairs; a file that cannot be read costs its own row and gets the prior."""
    max_pixels = bundle.info["params"]["manifest"]["max_pixels"]
    pixels, notes, failed = [], {}, {}
    for index, (_, path) in enumerate(files):
        try:
            picture = read_image(path, max_pixels=max_pixels)
        except BadImage as bad:
            failed[index] = bad
            continue
        pixels.append(picture.pixels)
        notes[index] = list(picture.notes)
    predictions, faces = bundle.score(pixels)
    results: dict[int, PredictionRow] = {}
    for index, prediction, face in zip(notes, predictions, faces, strict=True):
        results[index] = by_model(files[index][0], prediction, notes[index], found=face.found)
    for index, error in failed.items():
        results[index] = PredictionRow(files[index][0], bundle.prior, BY_PRIOR, error.status, error.detail)
    return [results[index] for index in range(len(files))]


def by_model(name: str, prediction: Prediction, notes: Sequence[str], *, found: bool) -> PredictionRow:
    """The line of an image that the model has scored."""
    said = [
        *notes,
        *([] if found else [NO_FACE]),
        *([OUT_OF_DISTRIBUTION] if prediction.novelty >= OUT_OF_DISTRIBUTION_FROM else []),
    ]
    return PredictionRow(name, prediction.score, BY_MODEL, "ok", "; ".join(said), prediction)


def _score_chunk(
    files: Sequence[tuple[str, str]], *, folder: Path, device: str, threads: int
) -> list[PredictionRow]:
    limit_threads(threads)
    return score_files(files, load_bundle(folder, pick_device(device)))


def score_many(
    files: Sequence[tuple[str, str]], *, folder: Path, device: str = "auto", engine: Engine | None = None
) -> Iterator[PredictionRow]:
    """Scores in the order asked, with progress; memory does not grow with the number of files.

    On a GPU in this process; on the CPU in one process per core when there is enough to share. engine :
    where else.
    """
    folder = folder.absolute()
    files = [(name, os.path.abspath(path)) for name, path in files]  # a worker may stand elsewhere
    chunks = [files[i : i + IMAGES_PER_TASK] for i in range(0, len(files), IMAGES_PER_TASK)]
    chosen = pick_device(device)
    asked = engine or Engine()
    alone = asked.backend != "dask" and (chosen != "cpu" or len(chunks) == 1)
    load_bundle(folder, chosen)  # a bundle that cannot be used says so here, not in every worker
    work = partial(_score_chunk, folder=folder, device=device, threads=0 if alone else 1)
    done = (Engine(backend="sequential") if alone else asked).map(work, chunks)
    with tqdm(total=len(files), desc="score", unit="img", mininterval=1.0, smoothing=0.1) as bar:
        for chunk in done:
            yield from chunk
            bar.update(len(chunk))


def write_predictions(
    scored: Iterable[PredictionRow], out: Path, issues: Path, details: Path, *, kinds: Sequence[str]
) -> tuple[int, int]:
    """Write `img_name,y_pred` rows as they come, and beside them what else is known of each.

    details : every row with its novelty and the log-likelihood ratio of each of the bundle's `kinds` of
    fake, empty where the image was not read.
    issues : the rows with something to say. Scores are written in full precision. The files appear
    when they are complete. Returns the numbers of rows and of issues.
    """
    rows, said = 0, []
    for folder in (out.parent, issues.parent, details.parent):
        folder.mkdir(parents=True, exist_ok=True)
    parts = [path.with_name(f".{path.name}.{os.getpid()}.part") for path in (out, details)]
    with (
        parts[0].open("w", encoding="utf-8", newline="") as plain,
        parts[1].open("w", encoding="utf-8", newline="") as more,
    ):
        plain.write("img_name,y_pred\n")
        more.write(",".join(["img_name", "y_pred", "novelty", *kinds]) + "\n")
        for item in scored:
            plain.write(f"{quote(item.name)},{item.score!r}\n")
            known = [""] * (1 + len(kinds))
            if item.prediction is not None:
                numbers = [
                    item.prediction.novelty,
                    *(item.prediction.log_likelihood_ratios[kind] for kind in kinds),
                ]
                known = [f"{number:.4f}" for number in numbers]
            more.write(f"{quote(item.name)},{item.score!r},{','.join(known)}\n")
            rows += 1
            if item.reason:
                said.append(item)
    for part, path in zip(parts, (out, details), strict=True):
        os.replace(part, path)
    columns = {
        "img_name": "name",
        "status": "status",
        "source": "source",
        "y_pred": "score",
        "reason": "reason",
    }
    frame = pd.DataFrame({c: [getattr(item, field) for item in said] for c, field in columns.items()})
    frame.to_csv(issues, index=False)
    return rows, len(said)


def quote(name: str) -> str:
    """A name as a CSV field."""
    return '"' + name.replace('"', '""') + '"' if any(c in name for c in ',"\n\r') else name
