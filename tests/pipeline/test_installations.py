"""What an installation that only scores can do, and how everything else says what it takes."""

import json
import re
import subprocess
import sys
from importlib import metadata

import pytest

from pipeline.runtime.extras import EXTRAS, OURS, NotInstalled
from tests.installations import ROOT, modules_of, packages_of, without

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
    ("module", "way"),
    [
        ("uvicorn", r"'\.\[serve\]'"),
        ("distributed", r"'\.\[cluster\]'"),
        ("torch", r"'\.\[train\]'"),
        ("dask", "pip check"),  # brought by what an extra brings
        ("numpy", "pip check"),  # no extra has it
        ("no_such_package.part", "pip check"),
    ],
)
def test_how_to_get_a_package_is_said(module, way):
    said = str(NotInstalled.by(ModuleNotFoundError(name=module)))
    name = module.partition(".")[0]
    assert re.match(rf"{name} is not installed, and this needs it; run: .*{way}", said)


@pytest.mark.parametrize(
    "module", [None, "models.gone", "pipeline", "email.gone", "scipy.gone", "pytest.gone"]
)
def test_a_module_that_is_missing_where_its_package_is_here_is_a_bug(module):
    assert NotInstalled.by(ModuleNotFoundError(name=module)) is None


def _needs(package):
    """A package and what it needs itself, without its own extras."""
    lines = [line for line in metadata.requires(package) or [] if "extra ==" not in line]
    return {package, *(re.split(r"[^\w.-]", line)[0].lower().replace("_", "-") for line in lines)}


def test_each_extra_that_is_named_brings_the_module():
    owners = metadata.packages_distributions()
    for module in EXTRAS.keys() & owners.keys():
        brought = set().union(*map(_needs, packages_of(EXTRAS[module])))
        assert brought & {owner.lower().replace("_", "-") for owner in owners[module]}, module


def test_each_package_that_is_imported_here_comes_with_the_base_or_with_an_extra_that_is_named():
    code = [path for folder in OURS for path in (ROOT / folder).rglob("*.py")]
    lines = "\n".join(path.read_text(encoding="utf-8") for path in code)
    imported = set(re.findall(r"^ *(?:from|import) (\w+)", lines, re.MULTILINE))
    more = modules_of(set().union(*map(packages_of, {*EXTRAS.values()})))
    assert imported & more <= EXTRAS.keys()
