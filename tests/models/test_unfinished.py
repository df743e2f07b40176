"""What a killed process left goes with the next one's work; what a living one writes stays."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from models import unfinished as module
from models.unfinished import part_of, remove_abandoned, unfinished

WRITING = """
import sys, time
from pathlib import Path
from models.unfinished import unfinished
with unfinished(Path(sys.argv[1]), is_folder=sys.argv[2] == "folder") as part:
    (part / "a" if part.is_dir() else part).write_text("half")
    print("writing", flush=True)
    time.sleep(600)
"""


@contextmanager
def writing(path, kind="file"):
    with subprocess.Popen(
        [sys.executable, "-c", WRITING, path, kind], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "writing\n"
        try:
            yield process
        finally:
            process.kill()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_part_goes_when_its_process_was_killed_and_not_before(tmp_path, kind):
    with writing(tmp_path / "out.txt", kind) as process:
        (part,) = names(tmp_path)
        remove_abandoned(tmp_path)
        assert names(tmp_path) == [part]
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert names(tmp_path) == [part]
        remove_abandoned(tmp_path)
        assert names(tmp_path) == []


def test_the_next_process_that_writes_there_tidies_up(tmp_path):
    module._tidied.cache_clear()
    with writing(tmp_path / "out.txt") as killed, writing(tmp_path / "out.txt"):
        killed.kill()
        killed.wait()
        assert len(names(tmp_path)) == 2
        with unfinished(tmp_path / "other.txt") as part:
            assert len(names(tmp_path)) == 2 and part.name in names(tmp_path)
        assert len(names(tmp_path)) == 1  # the living one's


def fails_over(path, kind):
    with unfinished(path, is_folder=kind) as part:
        assert part.is_dir() == kind
        raise ZeroDivisionError


@pytest.mark.parametrize("kind", [False, True])
def test_a_part_is_gone_after_its_block_however_that_ends(tmp_path, kind):
    with pytest.raises(ZeroDivisionError):
        fails_over(tmp_path / "a", kind)
    with unfinished(tmp_path / "a", is_folder=kind) as part:
        os.replace(part, tmp_path / "whole")
    assert names(tmp_path) == ["whole"]


def test_a_part_of_another_machine_goes_after_a_day(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_system", lambda: "0123abcd")
    part = part_of(tmp_path / "out.txt")
    monkeypatch.undo()
    part.write_text("half")
    remove_abandoned(tmp_path)
    assert part.exists()
    day_ago = time.time() - 86_401
    os.utime(part, (day_ago, day_ago))
    remove_abandoned(tmp_path)
    assert not part.exists()


def test_nothing_else_is_touched(tmp_path):
    strange = part_of(tmp_path / "pipe")
    os.mkfifo(strange)
    link = part_of(tmp_path / "link")
    link.symlink_to(tmp_path / "file.part")
    for name in ("file.part", ".mine.part", ".out.txt.123.part", "a.01234567-01234567.part"):
        (tmp_path / name).touch()
    before = names(tmp_path)
    remove_abandoned(tmp_path)
    assert set(before) - set(names(tmp_path)) <= {strange.name}
    remove_abandoned(tmp_path / "not there")


def test_one_who_tidies_before_the_lock_is_there_costs_another_try(tmp_path, monkeypatch):
    real, tries = module.fcntl.flock, []

    def late(lock, kind):
        tries.append(kind)
        if len(tries) == 1:
            for path in tmp_path.iterdir():
                path.unlink()
        real(lock, kind)

    monkeypatch.setattr(module.fcntl, "flock", late)
    with unfinished(tmp_path / "a") as part:
        assert part.is_file() and len(tries) == 2


def test_one_who_tidies_before_a_folder_is_open_costs_another_try(tmp_path, monkeypatch):
    made, mkdir = [], module.Path.mkdir

    def then_tidied(path):
        mkdir(path)
        made.append(path)
        if len(made) == 1:
            remove_abandoned(tmp_path)

    monkeypatch.setattr(module.Path, "mkdir", then_tidied)
    with unfinished(tmp_path / "a", is_folder=True) as part:
        assert [path.is_dir() for path in made] == [False, True] and part == made[1]


def test_a_part_in_no_folder_is_not_tried_for_ever(tmp_path):
    for kind in (False, True):
        with pytest.raises(FileNotFoundError), unfinished(tmp_path / "gone/a", is_folder=kind):
            pass


def test_a_disk_without_locks_is_written_and_never_tidied(tmp_path, monkeypatch):
    def refused(lock, kind):
        raise OSError("no locks here")

    monkeypatch.setattr(module.fcntl, "flock", refused)
    left = part_of(tmp_path / "b")
    left.touch()
    with unfinished(tmp_path / "a") as part:
        remove_abandoned(tmp_path)
        assert part.is_file()
    assert names(tmp_path) == [left.name]


def test_no_name_is_too_long(tmp_path):
    with unfinished(tmp_path / ("\u4e2d" * 85)) as part:
        assert part.is_file()
