"""Scores from files, runs and revisions, and two of them put side by side."""

from __future__ import annotations

import subprocess

import pandas as pd
import pytest

from models.errors import UserError
from pipeline.serving import scored_runs
from pipeline.serving.paired_scores import Asked, pair
from pipeline.serving.scored_runs import read_scores
from pipeline.storage.file_names import original

NONE = Asked()


def table(**changes):
    """What stage evaluate writes, of two val images and one of train."""
    whole = {
        "img_name": ["a.png", "b.png", "t.png"],
        "target": pd.array([0, 1, 1], dtype="Int8"),
        "source": "s",
        "group": ["g", "g", "h"],
        "sha256": ["1", "2", "3"],
        "score": [0.25, 0.75, 0.5],
        "fold_out": [False, False, True],
    }
    return pd.DataFrame(whole | changes)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_file_of_predictions(folder):
    rows = read_scores(write(folder / "a.txt", "img_name,y_pred\na.png,0.25\n"), NONE)
    assert rows.to_dict("records") == [{"img_name": "a.png", "score": 0.25}]


def test_a_run_gives_its_val_images_with_their_facts(folder):
    (folder / "run/cache").mkdir(parents=True)
    table().to_parquet(folder / "run/cache/scores.parquet")
    for name in ("run", "run/cache/scores.parquet"):
        rows = read_scores(name, NONE)
        assert rows["img_name"].tolist() == ["a.png", "b.png"]
        assert rows["target"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("img_name,score2\na,1\n", r"it needs img_name and y_pred"),
        ("img_name,y_pred\na,0.5\nb,7\n", r"line 3: y_pred is '7\.0', allowed are probabilities from 0 to 1"),
        ("img_name,y_pred\na,0.5\na,0.6\n", r"a has 2 rows; keep one row for each image"),
        ("img_name,y_pred\na,0.5\nb,NA\n", r"line 3: y_pred is 'NA', allowed are probabilities from 0 to 1"),
        ("img_name,y_pred\na,0.5\nb\n", r"line 3: y_pred is '', allowed are probabilities from 0 to 1"),
        ("img_name,y_pred\na,0.5\n,0.5\n", r"line 3: img_name is empty; each score needs the name"),
        ("img_name,y_pred\na, b.jpg,0.5\n", r"line 2 has more fields than the header; put a name"),
        ("img_name,y_pred\n", r"a\.csv holds no scores: no image was scored .*; name a file of scores"),
        ("", r"is no table of scores: .*needs the columns img_name,y_pred"),
    ],
)
def test_a_file_that_will_not_do(folder, text, message):
    with pytest.raises(UserError, match=message):
        read_scores(write(folder / "a.csv", text), NONE)


def test_names_that_pandas_takes_for_missing_are_names(folder):
    names = ["NA", "null", "nan", "None", "007"]
    text = "img_name,y_pred\n" + "".join(f"{name},0.5\n" for name in names)
    assert read_scores(write(folder / "a.csv", text), NONE)["img_name"].tolist() == names


def test_names_that_are_not_utf8_are_compared_as_predict_writes_them(folder):
    (folder / "a.csv").write_bytes(b"img_name,y_pred\n\xb0.png,0.25\na.png,0.5\n")
    scores = read_scores("a.csv", NONE)
    assert [original(name) for name in scores["img_name"]] == ["\udcb0.png", "a.png"]
    assert len(pair(scores, scores.assign(target=1, group="g", source="s"), NONE).rows) == 2


def test_a_run_that_scored_nothing_new_to_it_holds_no_scores(folder):
    table(fold_out=True).to_parquet(folder / "a.parquet")
    with pytest.raises(
        UserError, match=r"a\.parquet holds no scores: no image was scored that a model was not"
    ):
        read_scores("a.parquet", NONE)


def test_what_is_nothing_is_said_with_what_is_allowed(folder):
    (folder / "empty").mkdir()
    with pytest.raises(
        UserError, match=r"empty holds neither bundle\.json nor cache/scores\.parquet; name a file"
    ):
        read_scores("empty", NONE)
    (folder / "x.parquet").write_bytes(b"no table")
    with pytest.raises(UserError, match=r"x\.parquet is no cache/scores\.parquet of a run"):
        read_scores("x.parquet", NONE)
    with pytest.raises(UserError, match=r"'nowhere' is no file or folder, and DVC has no"):
        read_scores("nowhere", NONE)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what DVC uses
def test_a_revision_gives_the_scores_that_dvc_keeps_of_it(folder):
    """The whole way through git and DVC, with the output of a commit that the work tree no longer has."""

    def call(*command):
        subprocess.run(command, check=True, capture_output=True)

    from dvc.repo import Repo

    call("git", "init", "--quiet")
    repo = Repo.init()
    (folder / "cache").mkdir()
    table().to_parquet(folder / "cache/scores.parquet")
    repo.add("cache/scores.parquet")
    call("git", "add", "--all")
    call("git", "-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "--quiet", "-m", "one")
    call("git", "tag", "first")
    (folder / "cache/scores.parquet").unlink()
    repo.close()
    assert read_scores("first", NONE)["score"].tolist() == [0.25, 0.75]


def test_images_are_paired_by_name_and_bytes():
    first, second = (table().drop(columns="fold_out") for _ in range(2))
    second = second.assign(score=[0.5, 0.5, 0.5], sha256=["1", "other", "3"]).iloc[:2]
    found = pair(first, second, NONE)
    assert found.rows["img_name"].tolist() == ["a.png"]
    assert found.rows[["first", "second"]].to_numpy().tolist() == [[0.25, 0.5]]
    assert found.left_out == {"only in A": 1, "of other bytes under the same name": 1}


def test_labels_come_from_a_list_and_groups_from_its_file(folder):
    scores = pd.DataFrame({"img_name": ["a.png", "b.png", "c.png"], "score": [0.1, 0.2, 0.3]})
    (folder / "l.txt").write_text("img_name,target\na.png,0\nb.png,1\n", encoding="utf-8")
    (folder / "g.csv").write_text("img_name,group\na.png,one\n", encoding="utf-8")
    found = pair(scores, scores, Asked(labels=folder / "l.txt", groups=folder / "g.csv"))
    assert found.rows["target"].tolist() == [0, 1]
    assert found.rows["group"].tolist() == ["one", "b.png"]
    assert found.left_out == {"without a label": 1}


def test_what_cannot_be_paired(folder):
    scores = pd.DataFrame({"img_name": ["a.png"], "score": [0.1]})
    with pytest.raises(UserError, match=r"no image stands in both: one begins a\.png, the other z\.png"):
        pair(scores, scores.assign(img_name="z.png"), NONE)
    with pytest.raises(
        UserError, match=r"the scores have no labels; name a list img_name,target with --labels"
    ):
        pair(scores, scores, NONE)
    with pytest.raises(UserError, match=r"--labels gone\.txt is not a file"):
        pair(scores, scores, Asked(labels=folder.joinpath("gone.txt").relative_to(folder)))
    known = table().drop(columns="fold_out")
    with pytest.raises(UserError, match=r"a\.png and 0 more are real in one and fake in the other"):
        pair(known, known.assign(target=pd.array([1, 1, 1], dtype="Int8")), NONE)


def test_a_bundle_scores_the_val_images_of_this_run(folder, monkeypatch):
    (folder / "cache").mkdir()
    (folder / "bundle").mkdir()
    (folder / "bundle/bundle.json").write_text("{}")
    with pytest.raises(UserError, match=r"no cache/manifest\.parquet here"):
        read_scores("bundle", NONE)
    manifest = table(path=["p/a.png", "p/b.png", "p/t.png"], split=["val", "val", "train"], status="ok")
    manifest.to_parquet("cache/manifest.parquet")

    def stream_rows(files, *, folder, device):
        assert files == [("a.png", "p/a.png"), ("b.png", "p/b.png")]
        make = scored_runs.PredictionRow
        yield [make("a.png", 0.4, scored_runs.BY_MODEL, "ok", "")]
        yield [make("b.png", 0.5, "training prior", "truncated", "")]

    monkeypatch.setattr(scored_runs, "stream_rows", stream_rows)
    rows = read_scores("bundle", NONE)
    assert rows[["img_name", "score", "target"]].to_numpy().tolist() == [["a.png", 0.4, 0]]
    monkeypatch.setattr(scored_runs, "stream_rows", lambda *_, **__: iter(()))
    with pytest.raises(UserError, match=r"bundle holds no scores: no image was scored"):
        read_scores("bundle", NONE)
