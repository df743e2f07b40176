"""The fuzz command counts what it is there to find, and one input of each kind goes through."""

import random
import subprocess
import sys
from importlib import import_module

import pytest

from tests.fuzz.__main__ import KINDS, main


def test_faults_hangs_crashes_and_started_programs_are_counted(capsys):
    assert main(["--kinds", "planted", "--n", "6"]) == 1
    out = capsys.readouterr().out
    assert "planted: 6 inputs, 3 faults" in out
    assert "planted 1: " in out and "a promise was broken" in out
    assert "planted 2: " in out and "more than 5 s of CPU" in out
    assert "planted 3: the process ended with -6" in out


def test_a_program_that_is_started_is_seen(monkeypatch, tmp_path):
    from tests.fuzz.__main__ import plant_programs

    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    started = plant_programs(tmp_path)
    assert not started.exists()
    subprocess.run(["gs", "--version"], check=True)
    assert started.read_text() == "gs\n"


@pytest.mark.parametrize("kind", ["pictures", "lists", "settings", "credentials"])
def test_the_same_number_is_the_same_input(kind):
    target = import_module(f"tests.fuzz.{kind}").make()
    first = [target.check(random.Random(f"{kind} {number}")) for number in range(8)]
    assert first == [target.check(random.Random(f"{kind} {number}")) for number in range(8)]


def test_requests_go_through():
    pytest.importorskip("fastapi", reason="needs the extra 'serve'")
    target = import_module("tests.fuzz.requests").make()
    outcomes = {target.check(random.Random(f"requests {number}")) for number in range(40)}
    assert {"200", "400"} <= outcomes
    target.close()


def test_the_command_names_its_kinds():
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "--help"], capture_output=True, text=True, check=True
    )
    assert ",".join(KINDS) in "".join(done.stdout.split())  # it is wrapped
