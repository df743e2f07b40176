"""dvc.yaml is the architecture: imports run one way, and stages list what they load and read."""

import ast
import importlib
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
LAYERS = ("features", "models", "pipeline")
ALLOWED = {"features": {"features"}, "models": {"features", "models"}, "pipeline": set(LAYERS)}
FEATURES_MAY_IMPORT = {"numpy", "scipy", "cv2", "pywt", "features"}
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
MODULES = sorted(path for layer in LAYERS for path in (ROOT / layer).rglob("*.py"))
COMMANDS = sorted(path for path in (ROOT / "pipeline").glob("*.py") if path.name != "__init__.py")
STAGE_LINES = 120
CODE_DEPS = 91
SETTINGS = "cache/params.yaml"
WITH_NETS = {"embed", "finetune"}


@cache
def imports(path):
    """Full names imported anywhere in a file, of modules and of what is taken from them."""
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names += (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
    return names


def files_of(name):
    """The file of one of our modules, none for anything else."""
    base = ROOT / name.replace(".", "/")
    return [p for p in (base.with_suffix(".py"), base / "__init__.py") if p.is_file()]


@cache
def files_imported(path):
    """Our files that this one imports."""
    return {f for name in imports(path) if name.split(".")[0] in LAYERS for f in files_of(name)} - {path}


def loaded_by(path):
    """Every file of ours that running this file loads."""
    todo, seen = [path], set()
    while todo:
        current = todo.pop()
        if current not in seen:
            seen.add(current)
            todo += files_imported(current)
    return seen


def body(stage):
    return STAGES[stage].get("do", STAGES[stage])


def module(stage):
    return ROOT / (body(stage)["cmd"].split()[2].replace(".", "/") + ".py")


def code_deps(stage):
    return [dep for dep in body(stage)["deps"] if dep.split("/")[0] in LAYERS]


def outs(stage):
    """Path and options of each output."""
    for entry in body(stage)["outs"]:
        yield from entry.items() if isinstance(entry, dict) else [(entry, {})]


def params_listed(stage):
    entries = body(stage).get("params", [])
    assert all(list(entry) == [SETTINGS] for entry in entries), (
        f"{stage} reads settings from {SETTINGS} alone"
    )
    return [key for entry in entries for key in entry[SETTINGS]]


def sections_read(path):
    """Names given to params.load in a file."""
    return {
        node.args[0].value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "params.load"
    }


def circle(arrows):
    """A circle in a graph {node: set of nodes}, as a list of its nodes; empty when there is none."""
    done, way = set(), []

    def visit(node):
        if node in way:
            return [*way[way.index(node) :], node]
        if node in done:
            return []
        way.append(node)
        found = next((c for c in map(visit, sorted(arrows.get(node, ()))) if c), [])
        way.pop()
        done.add(node)
        return found

    return next((c for c in map(visit, sorted(arrows)) if c), [])


def short(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=short)
def test_imports_run_one_way(path):
    layer = path.relative_to(ROOT).parts[0]
    ours = {name.split(".")[0] for name in imports(path)} & set(LAYERS)
    assert ours <= ALLOWED[layer], f"{path.name} imports against the order features <- models <- pipeline"


def test_no_module_imports_in_a_circle():
    arrows = {short(path): {short(other) for other in files_imported(path)} for path in MODULES}
    assert not circle(arrows)


def test_no_folder_imports_in_a_circle():
    def folder(path):
        return short(path.parent)

    arrows = {}
    for path in MODULES:
        others = {folder(other) for other in files_imported(path) if other.name != "__init__.py"}
        arrows.setdefault(folder(path), set()).update(others)
    # Commands stand above the folders of pipeline/; models/*.py and features/*.py are each a room of their own.
    for layer in LAYERS:
        arrows.pop(layer, None)
    arrows = {name: others - {name, *LAYERS} for name, others in arrows.items()}
    assert not circle(arrows)


def test_a_circle_is_found():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}}) == []


@pytest.mark.parametrize("path", [p for p in MODULES if "features" in p.relative_to(ROOT).parts], ids=short)
def test_features_import_numbers_only(path):
    outside = {name.split(".")[0] for name in imports(path)} - set(sys.stdlib_module_names)
    assert outside <= FEATURES_MAY_IMPORT


@pytest.mark.parametrize("path", COMMANDS, ids=lambda p: p.stem)
def test_every_file_of_pipeline_can_be_run(path):
    tree = ast.parse(path.read_text())
    assert any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body)
    assert any(
        isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'" for node in tree.body
    )


def test_pipeline_holds_commands_and_folders_alone():
    inside = {
        path for path in (ROOT / "pipeline").iterdir() if path.name not in ("__pycache__", "__init__.py")
    }
    assert {path for path in inside if path.is_file()} == set(COMMANDS)
    assert all((path / "__init__.py").is_file() for path in inside if path.is_dir())


@pytest.mark.parametrize("stage", STAGES)
def test_stage_lists_the_code_that_it_loads_and_no_other(stage):
    loaded = {short(p) for p in loaded_by(module(stage)) if p.name != "__init__.py"}
    covers = {dep: {f for f in loaded if f == dep or f.startswith(dep + "/")} for dep in code_deps(stage)}
    lacking = loaded - set().union(*covers.values())
    assert not lacking, f"dvc.yaml stage {stage}: add to deps {sorted(lacking)}"
    idle = [dep for dep, files in covers.items() if not files]
    assert not idle, f"dvc.yaml stage {stage}: nothing of {idle} is loaded; take it out of deps"


def test_code_deps_are_few_and_there():
    deps = [dep for stage in STAGES for dep in code_deps(stage)]
    assert len(deps) <= CODE_DEPS
    assert all((ROOT / dep).exists() for dep in deps)


@pytest.mark.parametrize("stage", [name for name in STAGES if name != "manifest"])
def test_stage_lists_exactly_the_sections_that_it_reads(stage):
    listed = {key.split(".")[0] for key in params_listed(stage)}
    read = sections_read(module(stage))
    if "checkpoints" in listed:  # of section data these stages need the weights alone, and those have hashes
        listed, read = listed - {"checkpoints"}, read - {"data"}
    assert listed == read


def test_the_first_stage_writes_the_settings_that_the_others_read():
    assert SETTINGS in dict(outs("manifest"))
    assert not params_listed("manifest")
    assert STAGES["manifest"]["always_changed"]


def test_sections_are_read_by_stages_alone():
    own = {module(stage) for stage in STAGES}
    for path in MODULES:
        if path not in own:
            assert not sections_read(path), f"{path} reads params; hand them to it"


def test_no_two_stages_own_a_path_and_code_is_none_of_them():
    owned = [path for stage in STAGES for path, _ in outs(stage)]
    assert len(owned) == len(set(owned))
    for path in owned:
        assert path.split("/")[0] in {"cache", "reports", "prediction.txt"}
        assert path != "cache"
        assert not any(other != path and other.startswith(path + "/") for other in owned)


def test_nets_are_not_copied_into_dvcs_cache():
    for stage in ("embed", "finetune"):
        for path, options in outs(stage):
            assert path.startswith("cache/features/") or options["cache"] is False


def test_every_stage_without_nets_starts_as_a_program_and_loads_no_torch():
    """One interpreter after the other would import for a minute: one imports them all, each but predict answers --help."""
    stages = sorted(STAGES.keys() - WITH_NETS)
    script = (
        "import importlib, sys\n"
        f"for stage in {stages}:\n"
        "    module = importlib.import_module(f'pipeline.{stage}')\n"
        "    assert 'torch' not in sys.modules, f'{stage} loads torch'\n"
        f"for stage in {stages}:\n"
        "    try:\n"
        "        stage == 'predict' or importlib.import_module(f'pipeline.{stage}').main(['--help'])\n"
        "    except SystemExit as ended:\n"
        "        assert ended.code == 0, stage\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    answered = [stage for stage in stages if stage != "predict"]
    assert re.findall(r"usage: python -m pipeline\.(\w+)", done.stdout) == answered


@pytest.fixture
def nothing_of_ours_is_loaded():
    """As in a new interpreter, but with torch and timm loaded, which takes one ten seconds."""

    def ours():
        return [name for name in sys.modules if name.split(".")[0] in LAYERS]

    loaded = {name: sys.modules.pop(name) for name in ours()}
    yield
    for name in ours():
        del sys.modules[name]
    sys.modules.update(loaded)


@pytest.mark.parametrize("stage", sorted(WITH_NETS))
@pytest.mark.usefixtures("nothing_of_ours_is_loaded")
def test_every_stage_with_nets_starts_as_a_program(stage, capsys):
    assert stage in STAGES
    with pytest.raises(SystemExit, match="0"):
        importlib.import_module(f"pipeline.{stage}").main(["--help"])
    assert f"usage: python -m pipeline.{stage}" in capsys.readouterr().out


@pytest.mark.parametrize("stage", STAGES)
def test_stages_are_short(stage):
    assert len(module(stage).read_text().splitlines()) <= STAGE_LINES
