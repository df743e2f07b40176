"""The first use of a bundle that this machine has not met, in a process that may die.

Hashes find damage, not malice: who makes a bundle can hash what he likes. So a bundle that was not trained here is read
and used once in a child process with limits on time, memory and files, before this process reads it. What passed is
remembered by the hash of its record, which names the hash of every part. docs/reliability.md says what this defends.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from models import machine_cache
from models.bundle_files import read_record
from models.bundle_info import BundleError, BundleInfo
from models.errors import UserError
from models.fingerprint import ROOT

READERS = (
    "lightgbm",
    "numpy",
    "openvino",
    "safetensors",
    "timm",
    "torch",
)  # another version has to try again
MEMORY = 4 << 30  # bytes that the child may have, and so many times the size of the bundle:
MEMORY_PER_BYTE = 8
CPU_S = 120  # seconds that the child may compute, and so many more for each 100 MB of the bundle:
CPU_S_PER_100_MB = 60
LARGEST_FILE = 1 << 20  # bytes of a file that it may write: libraries try whether they may write at all
WALL_PER_CPU = 5  # a busy machine is slower
REFUSED = 2  # exit status of the child
_CHILD = "import sys; sys.path.insert(0, sys.argv[1]); from pipeline.serving.trial import main; main(*sys.argv[2:])"


def require(folder: Path, record: bytes, info: BundleInfo) -> None:
    """Use a bundle in a child process, unless one with this record was trained or has passed on this machine.

    Parameters
    ----------
    folder : Path
    record : bytes
        Of its bundle.json.
    info : BundleInfo
        The same, read.

    Raises
    ------
    BundleError
        Saying how the child ended.
    """
    note = _note(record)
    if note is not None and note.is_file():
        return
    size = sum((folder / name).stat().st_size for name in info.files)
    seconds = CPU_S + CPU_S_PER_100_MB * size // 10**8
    memory = MEMORY + MEMORY_PER_BYTE * size
    digest = hashlib.sha256(record).hexdigest()
    failure = _run(
        [str(folder.absolute()), digest, str(seconds), str(memory)], timeout=seconds * WALL_PER_CPU
    )
    if failure:
        raise BundleError(
            f"{folder} cannot be used: a first use of it in a process of its own {failure}; train again, or use a bundle from "
            "someone you trust"
        )
    remember(record)


def remember(record: bytes) -> None:
    """Note that the bundle of this record needs no trial: it was trained here, or it has passed."""
    note = _note(record)
    if note is not None:
        try:
            note.parent.mkdir(parents=True, exist_ok=True)
            note.touch()
        except OSError:  # a home that cannot be written to costs a trial in every process, and nothing else
            return


def _note(record: bytes) -> Path | None:
    """Where it is noted that a bundle has passed; None on a machine where the user has no home."""
    folder = machine_cache.folder("bundles")
    if folder is None:
        return None
    facts = [hashlib.sha256(record).hexdigest(), sys.version, *map(_version, READERS)]
    return folder / hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # scoring does without torch
        return ""


def _run(arguments: list[str], *, timeout: float) -> str:
    """Run the child; how it failed, in words that follow "a first use of it", or nothing."""
    quiet = {"CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    quiet["FAKETRACE_CACHE"] = "none"  # no absolute path: the child keeps nothing for later processes
    try:
        ended = subprocess.run(
            # -P: a module in the caller's folder must not take the place of one of ours
            [sys.executable, "-P", "-c", _CHILD, str(ROOT), *arguments],
            env={**os.environ, **quiet, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"took longer than {timeout:.0f} s"
    if ended.returncode == -signal.SIGXCPU:
        return f"computed longer than {arguments[2]} s"
    if ended.returncode < 0:
        return f"was ended by {signal.Signals(-ended.returncode).name}"
    if ended.returncode == REFUSED:
        raise BundleError(ended.stdout.decode("utf-8", "replace").strip())
    if ended.returncode:
        last = ended.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        return f"ended in {ascii(last[:200])[1:-1] or f'status {ended.returncode}'}"
    return ""


def take_limits(seconds: int, memory: int) -> None:
    """Bound what this process may compute, hold and write.

    Parameters
    ----------
    seconds : int
        Of computing; then it is ended.
    memory : int
        Bytes of its data.
    """
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_DATA: memory,
        resource.RLIMIT_FSIZE: LARGEST_FILE,
    }
    for kind, limit in limits.items():
        soft, hard = resource.getrlimit(kind)
        known = [value for value in (soft, hard) if value != resource.RLIM_INFINITY]
        resource.setrlimit(kind, (min([limit, *known]), hard))


def main(folder: str, digest: str, seconds: str, memory: str) -> None:
    """What the child does: take its limits, read the bundle, score two pictures."""
    take_limits(int(seconds), int(memory))
    # Imported under the limits, and not by the parent: this module is all that it needs of these.
    import numpy as np

    from models.bundle import Bundle

    try:
        if hashlib.sha256(read_record(Path(folder))).hexdigest() != digest:
            raise BundleError(f"{folder} was changed while it was read; try again")
        steps = np.arange(192 * 160 * 3, dtype=np.int64).reshape(192, 160, 3)
        drawn = (steps * steps % 251).astype(np.uint8)  # as good as noise
        Bundle.load(Path(folder)).score([drawn, np.full_like(drawn, 127)])
    except UserError as error:
        sys.stdout.write(str(error))
        raise SystemExit(REFUSED) from None
