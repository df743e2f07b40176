"""What several processes have done, as one bar."""

import time

import joblib
import pytest

from pipeline.runtime.tally import Tally, shown


def count(path, pieces):
    tally = Tally(path)
    for piece in pieces:
        tally.add(piece)


def test_counts_of_processes_add_up(tmp_path, capsys):
    paths = [tmp_path / "run" / f"{i}.seen" for i in range(2)]
    with shown(paths, total=33, describe="work", unit="img"):
        joblib.Parallel(2)(joblib.delayed(count)(path, [1, 10, i]) for i, path in enumerate(paths, 5))
    assert "33/33" in capsys.readouterr().err
    assert not list(tmp_path.glob("*/*.seen"))


def test_the_bar_moves_while_the_work_is_done(tmp_path, capsys):
    path = tmp_path / "a.seen"
    with shown([path], total=10, describe="work", unit="img"):
        tally = Tally(path)
        tally.add(4)
        waited = time.monotonic()
        while "4/10" not in (said := capsys.readouterr().err) and time.monotonic() - waited < 30:
            time.sleep(0.1)
        assert "4/10" in said


def test_a_count_of_an_earlier_run_is_not_shown(tmp_path, capsys):
    Tally(tmp_path / "a.seen").add(7)
    with shown([tmp_path / "a.seen"], total=10, describe="work", unit="img"):
        pass
    assert "7/10" not in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "x"])
def test_a_file_that_is_being_written_counts_nothing(tmp_path, text):
    path = tmp_path / "a.seen"
    assert Tally.read(path) == 0
    path.write_text(text)
    assert Tally.read(path) == 0


def stops(path):
    with shown([path], total=1, describe="work", unit="img"):
        Tally(path)
        raise RuntimeError("stopped")


def test_files_are_removed_and_the_error_goes_on(tmp_path):
    with pytest.raises(RuntimeError, match="stopped"):
        stops(tmp_path / "a.seen")
    assert not list(tmp_path.iterdir())
