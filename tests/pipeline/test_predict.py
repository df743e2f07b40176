"""The command `predict`: where its three outputs go, what it refuses before the work, names byte for byte."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from models.bundle_info import FILE
from models.errors import UserError
from pipeline import predict
from pipeline.serving.prediction_rows import BY_MODEL, BY_PRIOR, PredictionRow

STRANGE = os.fsdecode("照片.jpg".encode("gb18030"))  # as a zip made on Chinese Windows unpacks on Linux
NAMES = ["a.jpg", STRANGE, "照片.jpg"]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working directory with images and a bundle that scores by order; the second image cannot be read."""
    monkeypatch.chdir(tmp_path)
    for folder in ("images", "bundle"):
        Path(folder).mkdir()
    for name in NAMES:
        Path("images", name).write_bytes(b"x")
    for name in (FILE, "trees.txt"):
        Path("bundle", name).write_bytes(b"part")
    bundle = SimpleNamespace(prior=0.5, kinds=())

    def stream_rows(files, **_):
        for index, (name, path) in enumerate(files):
            assert Path(path).is_file()
            good = name != "a.jpg"
            warnings = "" if good else f"{path} ends early"
            source, status = (BY_MODEL, "ok") if good else (BY_PRIOR, "truncated")
            yield [PredictionRow(name, index / 8, source, status, warnings)]

    monkeypatch.setattr(predict, "load_bundle", lambda *_: bundle)
    monkeypatch.setattr(predict, "pick_device", lambda _: "cpu")
    monkeypatch.setattr(predict, "stream_rows", stream_rows)
    return tmp_path


def call(*arguments):
    predict.main(["--images", "images", "--bundle", "bundle", *arguments])


def state(folder):
    """What lies in a folder, without when it was looked at, or whether something was tried in a folder of it."""
    facts = {path: path.lstat() for path in folder.rglob("*")}
    return {
        path: (f.st_ino, f.st_mode, f.st_size, 0 if path.is_dir() else f.st_mtime_ns)
        for path, f in facts.items()
    }


def scores():
    rows = [f"{name},{score!r}" for name, score in zip(sorted(NAMES), (0.0, 0.125, 0.25), strict=True)]
    return ("\n".join(["img_name,y_pred", *rows]) + "\n").encode("utf-8", "surrogateescape")


def test_names_come_back_byte_for_byte_in_all_three_files(place):
    call("--out", "s.txt")
    assert Path("s.txt").read_bytes() == scores()
    assert [line.split(b",")[0] for line in Path("s_details.csv").read_bytes().splitlines()[1:]] == [
        os.fsencode(name) for name in sorted(NAMES)
    ]
    assert Path("s_issues.csv").read_bytes().splitlines()[1:] == [
        b"a.jpg,truncated,training prior,0.0,images/a.jpg ends early"
    ]
    assert sorted(p.name for p in place.iterdir()) == [
        "bundle",
        "images",
        "s.txt",
        "s_details.csv",
        "s_issues.csv",
    ]


def test_standard_output_gets_the_rows_alone(place, capfdbinary):
    call("--out", "-")
    out, err = capfdbinary.readouterr()
    assert out == scores()
    assert b"images/a.jpg ends early" in err
    assert err.endswith(b"3 rows; 1 with warnings\n")
    assert sorted(p.name for p in place.iterdir()) == ["bundle", "images"]


def test_a_device_stays_and_gets_no_files_beside_it(place, capfdbinary):
    beside = sorted(Path(os.devnull).parent.glob("null*"))
    call("--out", os.devnull)
    assert Path(os.devnull).is_char_device()
    assert sorted(Path(os.devnull).parent.glob("null*")) == beside


def test_the_files_beside_it_are_written_through_links_too(place):
    Path("elsewhere").mkdir()
    for name in ("s.txt", "s_issues.csv", "s_details.csv"):
        Path(name).symlink_to(f"elsewhere/{name}")
    call("--out", "s.txt")
    assert Path("elsewhere/s.txt").read_bytes() == scores()
    assert all(Path(name).is_symlink() for name in ("s.txt", "s_issues.csv", "s_details.csv"))
    assert sorted(p.name for p in Path("elsewhere").iterdir()) == ["s.txt", "s_details.csv", "s_issues.csv"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "images"], "the output images is a folder"),
        (["--out", "."], "the output . is a folder"),
        (["--out", ""], "an empty name was given"),
        (["--out", "images/a.jpg"], "images/a.jpg is read too, as images/a.jpg; name another file"),
        (["--out", "bundle/trees.txt"], "bundle/trees.txt is read too"),
        (["--out", "names.txt", "--list", "names.txt"], "names.txt is read too"),
        (["--out", "t.txt"], "the output t_issues.csv is a folder"),
        (["--images", "typo"], "typo is not there; name a folder or image files"),
        (
            ["--images", "images/*.jpg"],
            "images/\\*.jpg is not there; .* or is it a pattern that matches no file",
        ),
        (["--images", ""], "an empty name was given"),
        (["--images", "x" * 5000], "x is not there"),
        (["--list", "gone.txt"], "--list gone.txt is not a file"),
    ],
)
def test_what_will_not_do_is_refused_before_the_work(place, monkeypatch, arguments, message):
    Path("names.txt").write_text("img_name\na.jpg\n")
    Path("t_issues.csv").mkdir()
    before = state(place)
    monkeypatch.setattr(predict, "load_bundle", lambda *_: pytest.fail("the bundle was read"))
    with pytest.raises(UserError, match=message):
        call(*arguments)
    assert state(place) == before


def test_an_interrupted_run_leaves_all_three_as_they_were(place, monkeypatch):
    for name in ("s.txt", "s_issues.csv", "s_details.csv"):
        Path(name).write_text("old")

    def stop(files, **_):
        yield [PredictionRow("a.jpg", 0.5, BY_MODEL, "ok", "remark")]
        raise KeyboardInterrupt

    monkeypatch.setattr(predict, "stream_rows", stop)
    with pytest.raises(KeyboardInterrupt):
        call("--out", "s.txt")
    assert {p.read_text() for p in place.glob("s*")} == {"old"}
    assert sorted(p.name for p in place.iterdir()) == [
        "bundle",
        "images",
        "s.txt",
        "s_details.csv",
        "s_issues.csv",
    ]


def test_a_module_of_the_callers_is_not_taken_for_ours(tmp_path):
    """A command works beside it; a script, which may need its own module, is told."""
    (tmp_path / "features.py").write_text("raise SystemExit('the wrong module')")
    root = str(Path(__file__).parents[2])
    facts = {"cwd": tmp_path, "env": {**os.environ, "PYTHONPATH": root}, "capture_output": True, "text": True}
    done = subprocess.run([sys.executable, "-m", "pipeline.summary"], check=False, **facts)
    assert (done.returncode, done.stdout) == (2, "")
    assert "run `make repro` first" in done.stderr
    done = subprocess.run([sys.executable, "-c", "import pipeline"], check=False, **facts)
    assert done.stderr.splitlines()[-1].startswith(
        f"ImportError: {tmp_path / 'features.py'} would be imported as"
    )
