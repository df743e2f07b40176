"""What an installation that only scores can do, and how everything else says what it takes."""

import json
import re
import subprocess
import sys

import pytest

from tests.installations import ROOT, without

WORKING = {"bundle", "configure", "demo", "explain", "predict", "serve", "summary"}
COMMANDS = {
    path.stem if path.name != "__main__.py" else path.parent.name
    for path in [*(ROOT / "pipeline").glob("*.py"), *(ROOT / "pipeline").glob("*/__main__.py")]
    if '__name__ == "__main__"' in path.read_text()
}
# Each command in a fork of a process that has the libraries loaded, which take longer than all the rest.
SCRIPT = """
import importlib, json, os, runpy, sys
for library in ("cv2", "joblib", "lightgbm", "pandas", "pydantic", "ruamel.yaml", "scipy.stats"):
    importlib.import_module(library)

def run(command):
    sys.argv = ["-m", *command[1:]]  # as Python has it while it imports the package of a module that it runs
    try:
        try:
            runpy.run_module("pipeline." + command[0], run_name="__main__", alter_sys=True)
        except Exception:
            sys.excepthook(*sys.exc_info())
            return 1
    except SystemExit as ended:
        return ended.code or 0
    return 0

ends = []
for command in json.loads(sys.argv[1]):
    out, into = os.pipe()
    child = os.fork()
    if not child:
        os.dup2(into, 2)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.close(out)
        status = run(command)
        sys.stderr.flush()
        os._exit(status)
    os.close(into)
    with open(out) as stream:
        said = stream.read()
    ends.append((os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said))
print(json.dumps(ends))
"""


def ends(commands, folder):
    """Status and what stands on stderr of each command where the extra `train` is not installed."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(commands)],
        cwd=folder,
        env=without("train", folder),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def is_one_line(said):
    return re.fullmatch(
        r"error: \w+ is not installed, and this needs it; run: pip install -c constraints\.txt -e '\.\[train\]'\n",
        said,
    )


def test_a_command_that_takes_more_than_scoring_says_so_in_a_line(tmp_path):
    assert COMMANDS > WORKING
    names = sorted(COMMANDS)
    found = dict(zip(names, ends([[name, "--help"] for name in names], tmp_path), strict=True))
    assert {name for name, (status, _) in found.items() if status == 0} == WORKING
    for name, (status, said) in found.items():
        assert status in (0, 2), (name, said)
        assert status == 0 or is_one_line(said), (name, said)


def test_what_takes_more_while_it_runs_says_so_in_a_line(tmp_path):
    (tmp_path / "images.parquet").write_bytes(b"PAR1")
    (tmp_path / "a.txt").write_text("img_name\n")
    asked = [
        ["predict", "--images", "images.parquet", "--out", "-"],
        ["predict", "--list", "a.txt", "--images", ".", "--device", "cuda", "--out", "-"],
        ["explain", "images.parquet"],
    ]
    for command, (status, said) in zip(asked, ends(asked, tmp_path), strict=True):
        assert (status, bool(is_one_line(said))) == (2, True), (command, said)


@pytest.mark.parametrize(
    ("module", "extra"),
    [("uvicorn", "serve"), ("distributed.client", "cluster"), ("no_such_package", "train")],
)
def test_the_extra_that_brings_a_package_is_named(module, extra):
    from pipeline.runtime.extras import NotInstalled

    said = str(NotInstalled.by(ModuleNotFoundError(name=module)))
    assert said.startswith(f"{module.partition('.')[0]} is not installed") and f"'.[{extra}]'" in said


@pytest.mark.parametrize("module", [None, "models.gone", "pipeline", "email.gone"])
def test_a_module_of_ours_or_of_pythons_that_is_missing_is_a_bug(module):
    from pipeline.runtime.extras import NotInstalled

    assert NotInstalled.by(ModuleNotFoundError(name=module)) is None
