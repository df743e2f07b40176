"""The verbs of the Makefile, in a clone and with an environment whose paths hold spaces."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def clone(tmp_path):
    """Makefile and installer beside an environment whose programs say how they were called."""
    folder = tmp_path / "a clone"
    (folder / ".ci").mkdir(parents=True)
    (folder / "docs").mkdir()
    for name in ("Makefile", ".ci/install", "setup.cfg", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder / name)
    programs = folder / "my env/bin"
    programs.mkdir(parents=True)
    for name in ("python", "dvc", "ruff", "mypy"):
        (programs / name).write_text(f"""#!/bin/sh
printf '%s' {name}
for argument; do printf ' [%s]' "$argument"; done
echo
""")
        (programs / name).chmod(0o755)
    for name in (".installed", ".installed-dev"):
        marker = folder / "my env" / name
        marker.touch()
        later = (folder / "pyproject.toml").stat().st_mtime + 10
        os.utime(marker, (later, later))
    return folder


def make(folder, *arguments, status=0):
    environment = {k: v for k, v in os.environ.items() if k not in ("DATA", "WEIGHTS", "PARAMS", "MAKEFLAGS")}
    command = ["make", "--silent", "VENV=my env", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout.splitlines() if status == 0 else done.stderr


@pytest.mark.parametrize(
    ("arguments", "configured"),
    [
        ((), ""),
        (("DATA=my data", "WEIGHTS=w"), " [--data] [my data] [--weights] [w]"),
        (("PARAMS=recipes/quick.yaml",), " [--params] [recipes/quick.yaml]"),
        (("PARAMS=",), " [--params] []"),
        (('DATA=the "best" `data`; it\'s',), ' [--data] [the "best" `data`; it\'s]'),
    ],
)
def test_repro_hands_on_what_is_given(clone, arguments, configured):
    first, second, third = make(clone, "repro", *arguments)
    assert first == f"python [-m] [pipeline.configure]{configured}"
    assert second == "dvc [repro]"
    assert third == "python [-m] [pipeline.summary]"


def test_lint_and_test_use_the_environment(clone):
    assert make(clone, "lint") == ["ruff [check] [.]", "ruff [format] [--check] [.]", "mypy"]
    assert make(clone, "test") == ["python [-m] [pytest] [-n] [2] [--dist] [loadgroup]"]


def test_the_check_of_a_gpu_uses_the_environment(clone):
    assert make(clone, "gpu-check") == ["python [-m] [benchmarks.gpu]"]


def test_help_comes_first_and_names_every_verb(clone):
    text = "\n".join(make(clone))
    assert "PARAMS=recipes/quick.yaml    a first look" in text
    for verb in ("repro", "test", "lint", "bench", "gpu-check", "docs", "clean", "install", "install-dev"):
        assert f"make {verb}" in text or f", {verb} " in text


def test_clean_leaves_what_cannot_be_made_again(clone):
    for name in ("cache/README.md", "cache/faces/x", "reports/report.html", "prediction.txt", "data/demo/x"):
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).touch()
    make(clone, "clean")
    assert [p.name for p in (clone / "cache").iterdir()] == ["README.md"]
    assert (clone / "data/demo/x").is_file()
    assert not (clone / "reports").exists()


def test_an_old_interpreter_is_refused_in_one_line(clone):
    (clone / "my env/.installed").unlink()
    error = make(clone, "install", "PYTHON=false", status=2)
    assert error.startswith("error: false is not Python 3.11 or later; name one")
