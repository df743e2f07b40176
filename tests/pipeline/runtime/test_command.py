"""A user's mistake, a machine's refusal and a signal are one line and a status; a bug keeps its traceback."""

import errno
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

from models.errors import UserError
from pipeline.runtime.command import ADVICE, LINE_CHARACTERS, MESSAGE_LINES, Stopped, bounded, run

ROOT = Path(__file__).parents[3]


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
    "error",
    [
        ValueError("shapes (3,) and (4,)"),
        KeyError("x"),
        FileNotFoundError("gone"),
        FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "gone"),
        OSError("of a library, without a number"),
    ],
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


@pytest.mark.parametrize("number", ADVICE)
def test_what_the_machine_refuses_is_one_line_and_what_to_do(command, capsys, number):
    command(raising(OSError(number, os.strerror(number), "cache/faces")))
    with pytest.raises(SystemExit, match="^1$"):
        run("example")
    message = capsys.readouterr().err
    assert message.startswith(f"error: cache/faces: {os.strerror(number)}; ")
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (
            KeyboardInterrupt(),
            130,
            "error: stopped by Ctrl-C, unfinished files are removed; run the same command",
        ),
        (Stopped(signal.SIGTERM), 143, "error: stopped by SIGTERM, "),
        (Stopped(signal.SIGHUP), 129, "error: stopped by SIGHUP, "),
        (MemoryError("Unable to allocate 3 TiB"), 1, "error: Unable to allocate 3 TiB; close other programs"),
        (MemoryError(), 1, "error: out of memory; close other programs, or set compute.workers lower"),
        (OSError(errno.ENOSPC, "Error writing bytes"), 1, "error: No space left on device; free some space"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 141, "error: whoever was reading the output has gone"),
    ],
)
def test_each_end_has_its_status(command, capsys, error, status, message):
    command(raising(error))
    with pytest.raises(SystemExit, match=f"^{status}$"):
        run("example")
    err = capsys.readouterr().err
    assert err.startswith(message)
    assert err.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_unwinds_the_work_and_is_as_before_after_it(command, number):
    done = []

    def main():
        try:
            signal.raise_signal(number)
        finally:
            done.append("cleaned up")

    command(main)
    before = signal.signal(number, signal.SIG_DFL)  # who runs the tests by nohup ignores SIGHUP
    try:
        with pytest.raises(SystemExit, match=str(128 + number)):
            run("example")
        assert signal.getsignal(number) == signal.SIG_DFL
    finally:
        signal.signal(number, before)
    assert done == ["cleaned up"]


def test_who_ignores_a_signal_goes_on_ignoring_it(command):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        command(lambda: signal.raise_signal(signal.SIGHUP))
        run("example")
    finally:
        signal.signal(signal.SIGHUP, before)


def test_long_messages_keep_their_beginning_and_their_end():
    long = bounded("list.txt line 1: the header is '" + "x" * 9999 + "'; add it as the first line")
    assert len(long) < LINE_CHARACTERS + 10
    assert long.startswith("list.txt line 1: ") and long.endswith("; add it as the first line")
    many = bounded("\n".join(f"key {i}" for i in range(2000)))
    assert many.splitlines()[-1] == f"and {2000 - MESSAGE_LINES} more"


def test_names_in_messages_are_readable_and_give_the_terminal_no_orders():
    assert bounded("\udcb0\x1b[2J人\r\x9b \u2028.jpg") == r"\xb0\x1b[2J人\x0d\x9b" + " \u2028.jpg"


def started(code, *, stdout=subprocess.PIPE):
    """A command of the package in a process of its own, whose main is this code."""
    script = (
        "import sys, types; from pipeline.runtime.command import run; module = types.ModuleType('pipeline.example')\n"
        f"def main():\n{code}\nmodule.main = main; sys.modules[module.__name__] = module; run('example')"
    )
    return subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # a shell's background ignores it
    )


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_process_leaves_no_part_and_one_line(tmp_path, number, status):
    path = tmp_path / "a.txt"
    process = started(f"""
    import pathlib, time
    from pipeline.storage.outputs import text_output
    with text_output(pathlib.Path({str(path)!r})) as file:
        print("ready", flush=True)
        time.sleep(60)
""")
    assert process.stdout.readline() == "ready\n"
    assert [p.suffix for p in tmp_path.iterdir()] == [".part"]
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == status
    assert err.startswith("error: stopped by ") and err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_behind_standard_output_is_one_line():
    with open("/dev/full", "w") as full:
        process = started("    print('x' * 100000)", stdout=full)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.startswith("error: No space left on device; free some space") and err.count("\n") == 1


def test_a_reader_who_leaves_is_one_line():
    process = started("    print('x\\n' * 100000)")
    process.stdout.close()
    err = process.stderr.read()
    assert process.wait(timeout=60) == 141
    assert err == "error: whoever was reading the output has gone: the rest was not written\n"
    process.stderr.close()
