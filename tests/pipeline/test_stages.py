"""dvc.yaml is the architecture: imports run one way, and stages list what they import and read."""

import ast
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
LAYERS = ("features", "models", "pipeline")
ALLOWED = {"features": {"features"}, "models": {"features", "models"}, "pipeline": set(LAYERS)}
FEATURES_MAY_IMPORT = {"numpy", "scipy", "cv2", "pywt", "features"}
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
MODULES = sorted(path for layer in LAYERS for path in (ROOT / layer).rglob("*.py"))


def imports(path):
    """Full names imported anywhere in a file, of modules and of what is taken from them."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files_of(name):
    """The file of one of our modules, none for anything else."""
    base = ROOT / name.replace(".", "/")
    return [p for p in (base.with_suffix(".py"), base / "__init__.py") if p.is_file()]


def closure(path):
    """Every file of ours that running this file loads."""
    todo, seen = [path], set()
    while todo:
        current = todo.pop()
        if current not in seen:
            seen.add(current)
            todo += [f for name in imports(current) if name.split(".")[0] in LAYERS for f in files_of(name)]
    return seen


def body(stage):
    return STAGES[stage].get("do", STAGES[stage])


def module(stage):
    return ROOT / (body(stage)["cmd"].split()[2].replace(".", "/") + ".py")


def sections_read(path):
    """Names given to params.load in a file."""
    return {
        node.args[0].value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "params.load"
    }


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_run_one_way(path):
    layer = path.relative_to(ROOT).parts[0]
    ours = {name.split(".")[0] for name in imports(path)} & set(LAYERS)
    assert ours <= ALLOWED[layer], f"{path.name} imports against the order features <- models <- pipeline"


@pytest.mark.parametrize(
    "path", [p for p in MODULES if p.parts[-2:-1] != () and "features" in p.parts], ids=str
)
def test_features_import_numbers_only(path):
    import sys

    outside = {name.split(".")[0] for name in imports(path)} - set(sys.stdlib_module_names)
    assert outside <= FEATURES_MAY_IMPORT


@pytest.mark.parametrize("stage", STAGES)
def test_stage_lists_every_file_it_imports(stage):
    listed = body(stage)["deps"]
    loaded = {str(p.relative_to(ROOT)) for p in closure(module(stage)) if p.name != "__init__.py"}
    lacking = {f for f in loaded if not any(f == d or f.startswith(d + "/") for d in listed)}
    assert not lacking, f"dvc.yaml stage {stage}: add to deps {sorted(lacking)}"
    code = [d for d in listed if d.endswith(".py")]
    assert all((ROOT / d).is_file() for d in code), "a dep is gone"
    assert set(code) <= loaded, f"dvc.yaml stage {stage}: never imported {sorted(set(code) - loaded)}"


@pytest.mark.parametrize("stage", STAGES)
def test_stage_lists_exactly_the_sections_it_reads(stage):
    listed = {entry.split(".")[0] for entry in body(stage).get("params", [])}
    assert listed == sections_read(module(stage))


def test_sections_are_read_by_stages_alone():
    own = {module(stage) for stage in STAGES}
    for path in MODULES:
        if path not in own:
            assert not sections_read(path), f"{path} reads params; hand them to it"


def test_no_two_stages_own_a_path_and_code_is_none_of_them():
    owned = []
    for stage in STAGES:
        for kind in ("outs", "metrics"):
            owned += [next(iter(o)) if isinstance(o, dict) else o for o in body(stage).get(kind, [])]
    assert len(owned) == len(set(owned))
    for path in owned:
        assert path.split("/")[0] in {"cache", "reports", "prediction.txt"}
        assert path != "cache"
        assert not any(other != path and other.startswith(path + "/") for other in owned)


def test_stages_are_short():
    for stage in STAGES:
        assert module(stage).is_file()
        assert len(module(stage).read_text().splitlines()) <= 250
