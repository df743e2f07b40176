"""A user's mistake is one line and status 2; a bug keeps its traceback."""

import sys
from types import ModuleType

import pytest

from models.errors import UserError
from pipeline.runtime.command import run


@pytest.fixture
def command(monkeypatch):
    """Makes `pipeline.example`, whose main does what it is told."""

    def make(main):
        module = ModuleType("pipeline.example")
        module.main = main
        monkeypatch.setitem(sys.modules, "pipeline.example", module)

    return make


def raising(error):
    def main():
        raise error

    return main


def test_a_users_mistake_is_one_line(command, capsys):
    command(raising(UserError("data.root is 'x', which is no folder; name one")))
    with pytest.raises(SystemExit, match="2"):
        run("example")
    assert capsys.readouterr().err == "error: data.root is 'x', which is no folder; name one\n"


@pytest.mark.parametrize(
    "error", [ValueError("shapes (3,) and (4,)"), KeyError("x"), FileNotFoundError("gone")]
)
def test_a_bug_is_not_taken_for_a_mistake(command, error):
    command(raising(error))
    with pytest.raises(type(error)) as caught:
        run("example")
    assert caught.value is error


def test_the_commands_own_status_is_kept(command):
    command(lambda: 3)
    with pytest.raises(SystemExit, match="3"):
        run("example")
    command(lambda: None)
    run("example")
