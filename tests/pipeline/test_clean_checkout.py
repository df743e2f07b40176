"""A command that needs what another one makes says so in one line, in a folder where nothing has run."""

import shutil
from importlib import import_module
from pathlib import Path

import pytest

from models.errors import UserError
from pipeline.runtime.params import ParamsError
from tests.pipeline.test_stages import ROOT, STAGES, module

FIRST = "manifest"
COMMANDS = [
    *(
        (module(stage).stem, ["face"] if stage == "finetune" else [])
        for stage in STAGES
        if "foreach" not in STAGES[stage]
    ),
    ("finetune", ["face"]),
    ("export", []),
]


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["command"])


@pytest.mark.parametrize(("name", "arguments"), [pair for pair in COMMANDS if pair[0] != FIRST])
def test_a_stage_says_what_has_to_run_first(name: str, arguments: list[str]) -> None:
    with pytest.raises(
        UserError,
        match=r"^\S*cache/\S+ (is not here; run|holds no bundle.json; train a bundle with) `dvc repro`",
    ):
        import_module(f"pipeline.{name}").main(arguments)
    assert not Path("cache").exists()


@pytest.mark.parametrize(("name", "key"), [("embed", "embed.backbones"), ("finetune", "finetune.nets")])
def test_a_name_is_checked_before_anything_is_read(name: str, key: str) -> None:
    with pytest.raises(ParamsError, match=rf"^{key} has no 'nosuch'; it has "):
        import_module(f"pipeline.{name}").main(["nosuch"])
