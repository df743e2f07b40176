"""Progress of work that several processes do at once: each counts into a file, and one bar shows their sum."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

_LOOK_S = 1.0  # seconds between two looks at the files


class Tally:
    """What one process has done, in a file; begins at 0.

    Parameters
    ----------
    path : Path
        Its folder is made where it is missing.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._done = path, 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self.add(0)

    def add(self, done: int) -> None:
        """Count this much more."""
        self._done += done
        self._path.write_text(str(self._done), encoding="ascii")

    @staticmethod
    def read(path: Path) -> int:
        """What stands in the file: 0 where there is none, or one that is being written."""
        try:
            return int(path.read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return 0


@contextmanager
def shown(tallies: Sequence[Path], *, total: int, describe: str, unit: str) -> Iterator[None]:
    """Show the sum of some tallies as a bar while the work inside is done, and remove their files at its end.

    Parameters
    ----------
    tallies : sequence of Path
    total : int
        What they add up to at the end.
    describe, unit : str
        As of tqdm.
    """
    for path in tallies:
        path.unlink(missing_ok=True)
    done = threading.Event()
    with tqdm(total=total, desc=describe, unit=unit, mininterval=_LOOK_S) as bar:

        def look() -> None:
            bar.update(sum(Tally.read(path) for path in tallies) - bar.n)

        def watch() -> None:
            while not done.wait(_LOOK_S):
                look()

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()
            look()
            for path in tallies:
                path.unlink(missing_ok=True)
