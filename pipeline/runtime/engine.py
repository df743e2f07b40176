"""One function over many pieces of work: in this process, on this machine's cores, or on a Dask cluster.

joblib does it; nothing here decides what a piece is, and no result depends on where it was made.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import joblib
from joblib.externals.loky.process_executor import BrokenProcessPool

from models.errors import UserError
from pipeline.runtime.process import end_with, is_out_of_memory

Piece = TypeVar("Piece")
Result = TypeVar("Result")
_SIGNALS = re.compile(r"SIG[A-Z0-9]+\(-\d+\)|EXIT\(\d+\)")  # in what joblib says of a dead worker
_SHORT_S = 1  # seconds that a process waits for more work where it is not to last
CLUSTER_TIMEOUT_S = 20  # seconds in which a cluster has to answer and to show its first worker


class WorkerError(UserError):
    """A process that did the work has ended or has no memory left; the message says what to do."""


class ClusterError(UserError):
    """The Dask cluster is not there or cannot be used; the message says what to do."""


def folder_fingerprint(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Absolute path, size and time of every file below a folder: the key of what a process keeps of it.

    A cluster's workers outlive a run, so a path alone would give them the nets of the run before.
    """
    facts = ((str(path.absolute()), path.stat()) for path in sorted(folder.rglob("*")) if path.is_file())
    return tuple((path, fact.st_size, fact.st_mtime_ns) for path, fact in facts)


@dataclass(frozen=True)
class Engine:
    """Where pieces of work are done.

    Parameters
    ----------
    backend : {"loky", "sequential", "dask"}
        Processes of this machine, this process, or the workers of a Dask cluster.
    workers : int
        Of loky; 0 for one per core.
    scheduler : str or None
        Address of Dask's, e.g. `tcp://10.0.0.1:8786`.
    lasting : bool
        Whether processes of this machine wait for the next work, and keep the memory of this one until then.
    """

    backend: str = "loky"
    workers: int = 0
    scheduler: str | None = None
    lasting: bool = True

    def map(
        self,
        function: Callable[[Piece], Result],
        pieces: Sequence[Piece],
        *,
        ordered: bool = True,
        min_pieces_per_worker: int = 1,
    ) -> Iterator[Result]:
        """Results of `function` for each of `pieces`.

        Workers of a cluster see the same files under the same paths and have this package; a piece whose worker dies
        is done again by another.

        Parameters
        ----------
        function : callable
            Of one piece. It and the pieces travel to other processes.
        pieces : sequence
        ordered : bool
            Results in the order of the pieces, else as they come.
        min_pieces_per_worker : int
            Pieces that a further process of this machine has to be worth.

        Raises
        ------
        ClusterError
            The cluster cannot be used.
        WorkerError
            A process was ended from outside, or memory has run out.
        """
        # A worker stands where it was started; the paths of a run are relative to its folder.
        in_folder = partial(_in_folder, os.getcwd(), function)
        if self.backend == "dask":
            with self._client() as client:
                with joblib.parallel_config(backend="dask", client=client, n_jobs=-1):
                    parallel = joblib.Parallel(**_options(ordered))
                yield from parallel(joblib.delayed(in_folder)(piece) for piece in pieces)
            return
        jobs = min(self.workers or joblib.cpu_count(), len(pieces) // min_pieces_per_worker)
        with _said_in_one_line(max(jobs, 1)):
            if jobs <= 1 or self.backend == "sequential":
                yield from map(function, pieces)
                return
            parallel = joblib.Parallel(
                n_jobs=jobs,
                backend=self.backend,
                initializer=end_with,
                initargs=(os.getpid(),),
                **({} if self.lasting else {"idle_worker_timeout": _SHORT_S}),
                **_options(ordered),
            )
            yield from parallel(joblib.delayed(in_folder)(piece) for piece in pieces)

    def _client(self) -> Any:
        """Connected to the cluster, which has a worker. Raises ClusterError."""
        if find_spec("distributed") is None:
            raise ClusterError(
                "compute.backend is 'dask', but the package distributed is not installed; run pip install 'faketrace[cluster]'"
            )
        from distributed import Client

        client = None
        try:
            client = Client(self.scheduler, timeout=CLUSTER_TIMEOUT_S, set_as_default=False)
            client.wait_for_workers(1, timeout=CLUSTER_TIMEOUT_S)
        except (OSError, TimeoutError) as error:
            if client is not None:
                client.close()
            raise ClusterError(
                f"no Dask cluster with workers at {self.scheduler} ({error}); start `dask scheduler` and "
                "`dask worker ADDRESS --nthreads 1`, or set compute.backend to loky"
            ) from None
        return client


@contextmanager
def _said_in_one_line(jobs: int) -> Iterator[None]:
    """Turn what a machine does to its processes into WorkerError."""
    kept = "What is finished is kept: the next run goes on from there"
    try:
        yield
    except BrokenProcessPool as error:
        how = _SIGNALS.search(str(error))
        raise WorkerError(
            f"one of {jobs} worker processes was ended from outside ({how.group() if how else 'no exit code'}). Most "
            "often memory has run out: use fewer of them (compute.workers in params.local.yaml, or --workers). "
            + kept
        ) from None
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise WorkerError(
            f"memory has run out in one of {jobs} processes ({' '.join(str(error).split()) or type(error).__name__}); use "
            "fewer of them (compute.workers in params.local.yaml, or --workers), or lower manifest.max_pixels. "
            + kept
        ) from error


def _options(ordered: bool) -> dict[str, Any]:
    return {
        "return_as": "generator" if ordered else "generator_unordered",
        "batch_size": 1,
        "pre_dispatch": "2*n_jobs",
    }


def _in_folder(folder: str, function: Callable[[Piece], Result], piece: Piece) -> Result:
    """`function(piece)` with the run's folder as the working directory."""
    if os.getcwd() != folder:
        os.chdir(folder)
    return function(piece)
