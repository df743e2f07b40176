"""What this machine keeps is what was written, or nothing; what is not used any more goes."""

import errno
import os
import time

import pytest

from models import machine_cache


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("FAKETRACE_CACHE", str(tmp_path))
    return tmp_path


def test_what_was_written_is_read():
    assert machine_cache.read("nets", "a") is None
    machine_cache.write("nets", "a", b"net")
    assert machine_cache.read("nets", "a") == b"net"
    assert machine_cache.read("other", "a") is None


@pytest.mark.parametrize("damage", [b"", b"short", bytes(32) + b"net"])
def test_other_bytes_are_not_read(home, damage):
    machine_cache.write("nets", "a", b"net")
    (home / "faketrace/nets/a").write_bytes(damage)
    assert machine_cache.read("nets", "a") is None


def test_what_is_unused_for_a_month_goes_and_what_is_used_stays(home):
    for key in ("old", "used"):
        machine_cache.write("nets", key, b"net")
        long_ago = time.time() - (machine_cache.UNUSED_DAYS + 1) * 86_400
        os.utime(home / "faketrace/nets" / key, (long_ago, long_ago))
    machine_cache.read("nets", "used")
    machine_cache.write("nets", "new", b"net")
    assert {path.name for path in (home / "faketrace/nets").iterdir()} == {"used", "new"}


def test_what_may_be_read_and_not_touched_is_read(monkeypatch):
    def refused(path):
        raise PermissionError(errno.EPERM, "not its owner", str(path))

    machine_cache.write("nets", "a", b"net")
    monkeypatch.setattr(machine_cache.os, "utime", refused)
    assert machine_cache.read("nets", "a") == b"net"


def test_where_nothing_can_be_written_nothing_is_kept(home, monkeypatch):
    (home / "faketrace").touch()
    machine_cache.write("nets", "a", b"net")
    assert machine_cache.read("nets", "a") is None
    monkeypatch.setenv("FAKETRACE_CACHE", "no/absolute/path")
    assert machine_cache.folder("nets") is None
    machine_cache.write("nets", "a", b"net")
    assert machine_cache.read("nets", "a") is None
