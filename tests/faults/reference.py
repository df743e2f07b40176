"""An undisturbed run of the small clone, kept as it stood before each stage, so that a case begins at its stage."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.small_clone import environment, make_clone

MADE = ("cache", "reports", "prediction.txt", "dvc.lock", ".dvc")
# How rows are shared among shards depends on where a run went on, so the shards themselves are not compared.
COMPARED = ("prediction.txt", "cache/model", "reports/metrics.json", "reports/evaluation.json")
_HANGS_S = 3600
_LOOK_S = 0.01


@dataclass
class Repro:
    """A `dvc repro` that goes on, and the file with what it says."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def text(self) -> str:
        """What it has said so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def stage(self) -> str:
        """The stage that it has come to."""
        return self.text.rpartition("Running stage '")[2].partition("'")[0] or "before the first"

    def wait_for(self, stage: str) -> bool:
        """Wait until a stage begins; False where the run ended before."""
        read = -1
        while True:
            size = self.log.stat().st_size
            if size != read and f"Running stage '{stage}'" in self.text:
                return True
            if self.process.poll() is not None and size == read:
                return False
            read = size
            time.sleep(_LOOK_S)

    def end(self) -> int:
        """Wait for its end; returns its status."""
        try:
            return self.process.wait(timeout=_HANGS_S)
        except subprocess.TimeoutExpired:
            self.kill()
            return -signal.SIGALRM

    def kill(self) -> None:
        """kill -9 of the command and all that it started."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        time.sleep(0.5)  # the server of the forks kills what it has started


@dataclass
class Reference:
    """The clone, what an undisturbed run of it gives, and how it stood before each stage.

    Attributes
    ----------
    folder : Path
        The clone.
    kept : Path
        Where its states lie, by stage.
    programs : Path or None
        A folder for the beginning of PATH.
    seconds, growth : dict of str to float and int
        Of each stage: how long it took, how many bytes it left.
    expected : str
        Fingerprint of the whole run.
    """

    folder: Path
    kept: Path
    programs: Path | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    growth: dict[str, int] = field(default_factory=dict)
    expected: str = ""

    def make(self) -> None:
        """Make the clone and run its stages, one after the other."""
        self.folder.mkdir()
        self.kept.mkdir()
        (self.kept / "empty").mkdir()
        make_clone(self.folder, self.kept / "empty")
        for stage in self.call("dvc", "stage", "list", "--name-only").split():
            self._keep(stage)
            used, begun = shutil.disk_usage(self.folder).used, time.monotonic()
            self.call("dvc", "repro", "--single-item", stage)
            self.seconds[stage] = time.monotonic() - begun
            self.growth[stage] = max(shutil.disk_usage(self.folder).used - used, 1)
        self.expected = fingerprint(self.folder)

    def restore(self, stage: str) -> None:
        """Let the clone be as it was before this stage."""
        for name in MADE:
            path, kept = self.folder / name, self.kept / stage / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            if kept.is_dir():
                shutil.copytree(kept, path, symlinks=True)
            elif kept.exists():
                shutil.copy2(kept, path)

    def _keep(self, stage: str) -> None:
        for name in MADE:
            path, kept = self.folder / name, self.kept / stage / name
            kept.parent.mkdir(exist_ok=True)
            if path.is_dir():
                shutil.copytree(path, kept, symlinks=True)
            elif path.exists():
                shutil.copy2(path, kept)

    def start(self) -> Repro:
        """Start `dvc repro`."""
        log = self.kept / "repro.log"  # not in the clone, whose disk may be full
        with log.open("wb") as stream:
            process = subprocess.Popen(
                ["dvc", "repro"],
                cwd=self.folder,
                env=self.environment(),
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
        return Repro(process, log)

    def run(self) -> str:
        """`dvc repro` to its end; returns what is wrong with what it left, empty for nothing."""
        repro = self.start()
        if status := repro.end():
            return f"a rerun ended with status {status}: {last_line(repro.text)}"
        return "" if fingerprint(self.folder) == self.expected else "OTHER bytes after a rerun"

    def call(self, *command: str) -> str:
        """Output of a command in the clone, which has to succeed."""
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with status {done.returncode}: {done.stderr}")
        return done.stdout

    def environment(self) -> dict[str, str]:
        """Variables of every command."""
        return environment(self.programs) | {"DVC_SITE_CACHE_DIR": str(self.kept / "site")}


def fingerprint(folder: Path) -> str:
    """Hash of the names and bytes of what a run is for."""
    digest = hashlib.sha256()
    for top in COMPARED:
        path = folder / top
        for file in [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file()):
            digest.update(f"{file.relative_to(folder)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def last_line(text: str) -> str:
    """The last line that says anything."""
    return next((line for line in reversed(text.splitlines()) if line.strip()), "")
