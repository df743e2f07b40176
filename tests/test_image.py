"""What the Dockerfile copies is enough for `repro`; no engine is needed to see that."""

import fnmatch
import subprocess
import sys
from pathlib import Path

import pytest

from tests.small_clone import ROOT, call

COPIED = [
    name
    for line in (ROOT / "Dockerfile").read_text().splitlines()
    if line.startswith("COPY ") and "--from" not in line
    for name in [word for word in line.split()[1:] if not word.startswith("--")][:-1]
]


@pytest.mark.parametrize("name", COPIED)
def test_the_build_context_holds_what_is_copied(name: str) -> None:
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    parents = [name, *map(str, Path(name).parents)]
    assert (ROOT / name).exists()
    assert any(fnmatch.fnmatch(part, pattern) for part in parents for pattern in allowed)


def test_configure_and_dvc_run_in_the_image_without_git_and_without_a_mounted_folder(tmp_path: Path) -> None:
    subprocess.run(["sh", ROOT / "docker/layout", tmp_path], check=True)
    (tmp_path / "faces").mkdir()
    call(tmp_path, sys.executable, "-m", "pipeline.configure", "--data", "faces")
    assert "no_scm" in (tmp_path / ".dvc/config.local").read_text()
    said = call(tmp_path, sys.executable, "-m", "dvc", "repro", "--dry", "manifest")
    assert "python -m pipeline.manifest" in said
