"""The first use of a bundle in a child process: what it survives, what it says, and when it is spared."""

import json
import os
from types import SimpleNamespace

import pytest

from models.bundle_info import BundleError
from pipeline.serving import trial

INFO = SimpleNamespace(files={"part": ""})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FAKETRACE_CACHE", str(tmp_path / "home"))
    monkeypatch.setattr(trial, "CPU_S", 3)
    monkeypatch.setattr(trial, "WALL_PER_CPU", 60)  # a child of a test must not be ended for a busy machine
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle/part").write_bytes(b"part")
    return tmp_path / "bundle"


def child(monkeypatch, body, *, limits=True):
    """Put `body` in the place of reading and scoring."""
    first = "import sys; sys.path.insert(0, sys.argv[1]); from pipeline.serving import trial\n"
    take = "trial.take_limits(int(sys.argv[4]), int(sys.argv[5]))\n" if limits else ""
    monkeypatch.setattr(trial, "_CHILD", f"{first}{take}{body}")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("import os; os.kill(os.getpid(), 11)", "was ended by SIGSEGV"),
        ("import os; os.abort()", "was ended by SIGABRT"),
        ("while True: pass", "computed longer than 3 s"),
        ("bytearray(1 << 40)", "ended in MemoryError"),
        (
            "with open(sys.argv[2] + '/new', 'w') as file: file.write('x' * 2**21)",
            r"ended in OSError: \[Errno 27\] File too large",
        ),
        ("raise ValueError('one\\ntwo')", "ended in two"),
        ("sys.exit(5)", "ended in status 5"),
    ],
)
def test_whatever_ends_the_child_is_one_line_here(folder, monkeypatch, body, message):
    child(monkeypatch, body)
    with pytest.raises(
        BundleError, match=f"a first use of it in a process of its own ({message}).*someone you trust"
    ) as error:
        trial.require(folder, b"record", INFO)
    assert "\n" not in str(error.value)
    assert not (folder.parent / "home").exists()


def test_a_child_that_waits_for_ever_is_ended(folder, monkeypatch):
    monkeypatch.setattr(trial, "WALL_PER_CPU", 1)
    child(monkeypatch, "import time; time.sleep(60)")
    with pytest.raises(BundleError, match="took longer than 3 s"):
        trial.require(folder, b"record", INFO)


def test_what_the_child_refuses_is_said_in_its_words(folder, monkeypatch):
    child(monkeypatch, "sys.stdout.write('novelty is damaged'); sys.exit(2)")
    with pytest.raises(BundleError, match="^novelty is damaged$"):
        trial.require(folder, b"record", INFO)


def test_a_bundle_that_passed_is_not_tried_again_and_another_is(folder, monkeypatch):
    child(monkeypatch, "pass", limits=False)
    trial.require(folder, b"record", INFO)
    child(monkeypatch, "sys.exit(5)", limits=False)
    trial.require(folder, b"record", INFO)
    with pytest.raises(BundleError, match="status 5"):
        trial.require(folder, b"another record", INFO)
    monkeypatch.setattr(trial, "version", lambda name: "99")  # another version of what reads it
    with pytest.raises(BundleError, match="status 5"):
        trial.require(folder, b"record", INFO)


def test_a_bundle_that_was_trained_here_is_not_tried(folder, monkeypatch):
    trial.remember(b"record")
    child(monkeypatch, "sys.exit(5)", limits=False)
    trial.require(folder, b"record", INFO)


@pytest.mark.parametrize("home", ["/proc/none", "relative"])
def test_without_a_home_that_can_be_written_it_is_tried_each_time(folder, monkeypatch, home):
    monkeypatch.setenv("FAKETRACE_CACHE", home)
    child(monkeypatch, "pass", limits=False)
    trial.require(folder, b"record", INFO)
    child(monkeypatch, "sys.exit(5)", limits=False)
    with pytest.raises(BundleError, match="status 5"):
        trial.require(folder, b"record", INFO)


def test_the_child_takes_no_module_from_the_callers_folder(folder, monkeypatch):
    (folder / "json.py").write_text("raise RuntimeError('taken')")
    monkeypatch.chdir(folder)
    child(monkeypatch, "import json", limits=False)
    trial.require(folder, json.dumps({}).encode(), INFO)
    assert os.getcwd() == str(folder)
