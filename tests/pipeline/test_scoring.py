"""prediction.txt as a file: full precision, quoted where needed, whole or absent."""

import csv

import pytest

from pipeline.scoring import BY_MODEL, BY_PRIOR, Scored, write_predictions


def scored(names):
    for index, name in enumerate(names):
        yield Scored(name, 0.1 + index * 1e-17, BY_MODEL, "ok", "")


def test_names_come_back_as_they_were(tmp_path):
    names = ["a.jpg", "with,comma.jpg", 'with"quote.jpg', "空.jpg", "a b.jpg"]
    rows, said = write_predictions(scored(names), tmp_path / "p.txt", tmp_path / "i.csv")
    with open(tmp_path / "p.txt", newline="", encoding="utf-8") as stream:
        assert [row[0] for row in csv.reader(stream)] == ["img_name", *names]
    assert (rows, said) == (5, 0)


def test_scores_keep_every_bit(tmp_path):
    values = [0.1, 0.1 + 2**-55, 1 / 3, 5e-324, 1.0]
    items = (Scored(str(v), v, BY_MODEL, "ok", "") for v in values)
    write_predictions(items, tmp_path / "p.txt", tmp_path / "i.csv")
    lines = (tmp_path / "p.txt").read_text().splitlines()[1:]
    assert [float(line.split(",")[1]) for line in lines] == values
    assert all("\n" not in line for line in lines)


def test_rows_with_a_reason_are_listed_beside(tmp_path):
    items = iter(
        [Scored("a", 0.2, BY_MODEL, "ok", ""), Scored("b", 0.5, BY_PRIOR, "truncated", "it ends early")]
    )
    assert write_predictions(items, tmp_path / "p.txt", tmp_path / "i.csv") == (2, 1)
    with open(tmp_path / "i.csv", newline="") as stream:
        assert list(csv.DictReader(stream)) == [
            {
                "img_name": "b",
                "status": "truncated",
                "scored_by": "training prior",
                "y_pred": "0.5",
                "reason": "it ends early",
            }
        ]


def test_an_interrupted_run_leaves_the_old_file(tmp_path):
    (tmp_path / "p.txt").write_text("old")

    def stop():
        yield Scored("a", 0.2, BY_MODEL, "ok", "")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_predictions(stop(), tmp_path / "p.txt", tmp_path / "i.csv")
    assert (tmp_path / "p.txt").read_text() == "old"
