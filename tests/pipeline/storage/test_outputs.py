"""What a person names to write to: files appear whole and through links, pipes and devices are streamed to."""

import errno
import os
import stat
import sys
import threading
from pathlib import Path

import pytest

from models import unfinished
from pipeline.storage import files, outputs
from pipeline.storage.outputs import STDERR, STDOUT, OutputError, check_outputs, is_streamed, text_output


def write(path, text="new\n"):
    check_outputs([path])
    with text_output(path) as stream:
        stream.write(text)


def test_a_file_appears_whole_and_keeps_its_rights(tmp_path):
    path = tmp_path / "deep/er/a.txt"
    write(path)
    path.chmod(0o600)
    with text_output(path) as stream:
        stream.write("other\n")
        stream.flush()
        assert path.read_text() == "new\n"
    assert path.read_text() == "other\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_and_its_target_is_written(tmp_path, there):
    (tmp_path / "real").mkdir()
    if there:
        (tmp_path / "real/a.txt").write_text("old")
    (tmp_path / "second").symlink_to("real/a.txt")
    (tmp_path / "first").symlink_to(tmp_path / "second")
    write(tmp_path / "first")
    assert (tmp_path / "first").is_symlink() and (tmp_path / "second").is_symlink()
    assert not (tmp_path / "real/a.txt").is_symlink()
    assert (tmp_path / "real/a.txt").read_text() == "new\n"
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a.txt", "first", "real", "second"]


def test_a_device_stays_one():
    write(Path(os.devnull))
    assert Path(os.devnull).is_char_device()
    assert is_streamed(Path(os.devnull))


def test_a_pipe_gets_each_line_as_it_comes(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    read = []

    def reader():
        with path.open() as stream:
            read.append(stream.readline())
            first.set()
            read.extend(stream)

    first = threading.Event()
    thread = threading.Thread(target=reader)
    thread.start()
    check_outputs([path])
    with text_output(path) as stream:
        stream.write("one\n")
        assert first.wait(10)
        stream.write("two\n")
    thread.join(10)
    assert read == ["one\n", "two\n"]
    assert path.is_fifo()
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_who_leaves_is_told_apart(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    end = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def leave():
        with text_output(path) as stream:
            os.close(end)
            stream.write("nobody\n")

    with pytest.raises(BrokenPipeError):
        leave()


@pytest.mark.parametrize(("path", "standard"), [(STDOUT, 0), (STDERR, 1)])
def test_standard_streams_get_names_byte_for_byte_and_stay_open(capfdbinary, path, standard):
    write(path, "\udcb0,人\n")
    print("more", file=(sys.stdout, sys.stderr)[standard], flush=True)
    assert capfdbinary.readouterr()[standard] == b"\xb0,\xe4\xba\xba\nmore\n"


def test_a_closed_standard_stream_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(OutputError, match="the output - is a standard stream that is closed; name a file"):
        check_outputs([STDOUT])


def _socket(path):
    import socket

    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (Path.mkdir, "x is a folder; name a file, a pipe, or - for standard output"),
        (_socket, "x is a socket; name a file"),
        (lambda path: path.symlink_to(path), "x cannot be used: Too many levels of symbolic links"),
        (lambda path: path.symlink_to("/"), "x is a folder"),
    ],
)
def test_what_nothing_may_be_written_to_is_refused_and_stays(tmp_path, monkeypatch, make, message):
    monkeypatch.chdir(tmp_path)  # the path of a socket has few characters
    make(Path("x"))
    before = Path("x").lstat()
    for act in (check_outputs, lambda paths: text_output(paths[0]).__enter__()):
        with pytest.raises(OutputError, match=message):
            act([Path("x")])
    assert Path("x").lstat() == before
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_a_file_in_place_of_a_folder_and_an_endless_name_are_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for path, message in (
        (tmp_path / "file/a.txt", "cannot be used: Not a directory"),
        (tmp_path / ("n" * 300), "cannot be used: File name too long"),
    ):
        with pytest.raises(OutputError, match=message):
            check_outputs([path])


def test_the_longest_name_has_room_for_its_part(tmp_path):
    for name in ("n" * 255, "人" * 85, os.fsdecode(b"\xb0" * 255)):
        write(tmp_path / name)
        assert (tmp_path / name).read_text() == "new\n"


def test_a_read_only_file_is_refused(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("old")
    monkeypatch.setattr(outputs.os, "access", lambda path, mode: False)  # root may write everything
    with pytest.raises(
        OutputError, match=r"a.txt is there and read-only; name another file, or `chmod u\+w` it"
    ):
        check_outputs([tmp_path / "a.txt"])


def test_a_disk_that_takes_nothing_is_found_before_the_work(tmp_path, monkeypatch):
    def refuse(path, *_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(unfinished.os, "open", refuse)
    with pytest.raises(
        OutputError, match=f"cannot be written into {tmp_path}: Read-only file system; name a place"
    ):
        check_outputs([tmp_path / "not yet/a.txt"])
    assert list(tmp_path.iterdir()) == []


def test_one_who_tidies_up_meanwhile_does_no_harm(tmp_path, monkeypatch):
    real, made = os.open, []

    def then_tidied(path, flags, *mode):
        descriptor = real(path, flags, *mode)
        if flags & os.O_CREAT and not made:
            made.append(Path(path))
            unfinished.remove_abandoned(tmp_path)
            assert not made[0].exists()
        return descriptor

    monkeypatch.setattr(os, "open", then_tidied)
    check_outputs([tmp_path / "a.txt"])
    assert made and list(tmp_path.iterdir()) == []


def test_what_is_read_is_not_written_over(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"photo")
    (tmp_path / "link").symlink_to("photo.jpg")
    os.link(tmp_path / "photo.jpg", tmp_path / "same")
    for name in ("photo.jpg", "link", "same"):
        with pytest.raises(
            OutputError, match=f"output .*{name} is read too, as .*photo.jpg; name another file"
        ):
            check_outputs([tmp_path / name], inputs=[tmp_path / "gone", tmp_path / "photo.jpg"])
    check_outputs([tmp_path / "other", STDOUT], inputs=[tmp_path / "photo.jpg"])


def test_a_file_that_is_mounted_by_itself_is_written_in_its_place(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("old and longer")
    place = (tmp_path / "a.txt").stat().st_ino

    def busy(source, target):
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    monkeypatch.setattr(files.os, "replace", busy)
    write(tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text() == "new\n"
    assert (tmp_path / "a.txt").stat().st_ino == place
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
