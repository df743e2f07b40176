"""`score` and `score_many`: scores for a Python program, which may fork and may call them from several threads.

They do their work in one thread of the process. The thread pools of OpenMP belong to the thread that used them, and are
gone in a process forked from it, where the next use waits for them for ever. A caller's thread never gets such a pool from
here, and a forked process begins with a thread of its own.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Literal

from pipeline.runtime import paths
from pipeline.runtime.process import pick_device
from pipeline.serving.bundles import load_bundle
from pipeline.serving.pictures import ALLOWED, Picture, is_picture, name_of
from pipeline.serving.prediction_rows import BY_PRIOR, PredictionRow
from pipeline.serving.scoring import IMAGES_PER_TASK, score_files
from pipeline.storage.images import BadImage

OnError = Literal["raise", "prior"]

# Held while a score is computed: a fork waits for it, or the new process would have half of a computation's locks.
_WORKING = threading.RLock()
os.register_at_fork(
    before=_WORKING.acquire, after_in_parent=_WORKING.release, after_in_child=_WORKING.release
)


def score(
    image: Picture, *, bundle: str | os.PathLike[str] = paths.BUNDLE, on_error: OnError = "raise"
) -> float:
    """Probability that the face in an image is a deepfake.

    The bundle is read at the first call. The same picture gives the same number as path, bytes, file object, PIL image
    or array.

    Parameters
    ----------
    image : path, bytes, binary file object, PIL image, or uint8 array, shape (H, W, 3), RGB
    bundle : path
        Folder of a trained model.
    on_error : {"raise", "prior"}
        What an image that cannot be read gives: an exception, or the share of fakes in training with a warning.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    TypeError
        Where the image is something else.
    FileNotFoundError
        Where there is no such file, with `on_error="raise"`.
    BadImage
        Where the image cannot be read, with `on_error="raise"`.
    UserError
        Where the bundle cannot be used.
    """
    return score_many([image], bundle=bundle, on_error=on_error)[0]


def score_many(
    images: Iterable[Picture],
    *,
    bundle: str | os.PathLike[str] = paths.BUNDLE,
    on_error: OnError = "raise",
) -> list[float]:
    """Probabilities that the faces in several images are deepfakes, in their order.

    Parameters
    ----------
    images : iterable
        Of what `score` takes; a few are held in memory at a time.
    bundle, on_error
        As of `score`.

    Returns
    -------
    list of float
        The numbers that `score` gives for each.

    Raises
    ------
    As `score`.
    """
    if on_error not in ("raise", "prior"):
        raise ValueError(f"on_error is {on_error!r}, allowed are 'raise' and 'prior'")
    if is_picture(images):
        raise TypeError(
            f"score_many takes several images, this is one ({type(images).__name__}); put it into a list or call score"
        )
    waiting, scores = iter(images), list[float]()
    while batch := list(islice(waiting, IMAGES_PER_TASK)):
        strange = [type(image).__name__ for image in batch if not is_picture(image)]
        if strange:
            raise TypeError(f"an image is {strange[0]}; allowed are {ALLOWED}")
        rows = _worker(os.getpid()).submit(_rows, batch, Path(bundle)).result()
        scores += [_number(row, on_error) for row in rows]
    return scores


@lru_cache(maxsize=1)
def _worker(_: int) -> ThreadPoolExecutor:
    """The thread of this process that scores."""
    return ThreadPoolExecutor(1, thread_name_prefix="score")


def _rows(images: Sequence[Picture], bundle: Path) -> list[PredictionRow]:
    with _WORKING:
        loaded = load_bundle(bundle, pick_device("auto"))
        return score_files([(name_of(image), image) for image in images], loaded)


def _number(row: PredictionRow, on_error: OnError) -> float:
    """The score of a row, or its exception."""
    if row.source == BY_PRIOR and on_error == "raise":
        if row.status == "missing_file":
            raise FileNotFoundError(f"{row.warnings}; on_error='prior' scores it with the {BY_PRIOR}")
        raise BadImage(row.status, row.warnings)
    if row.source == BY_PRIOR:
        warnings.warn(f"{row.warnings}; scored with the {BY_PRIOR}", stacklevel=4)
    return row.score
