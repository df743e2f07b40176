"""The stacker: saved without a lost bit, explained, and refusing features that do not fit."""

import numpy as np
import pandas as pd
import pytest

from models.stacker.stacker import Stacker
from tests.models.stacker.drawn_tables import kinds_table


def reader(folder):
    return lambda name: (folder / name).read_bytes()


def test_save_and_load_change_no_bit(fitted, tmp_path):
    stacker, features, _, _ = fitted
    loaded = Stacker.load(stacker.save(tmp_path), read=reader(tmp_path))
    np.testing.assert_array_equal(loaded.predict(features), stacker.predict(features))


def test_a_single_row_scores_as_in_the_table(fitted):
    stacker, features, _, _ = fitted
    whole = stacker.predict(features.iloc[:20])
    single = np.concatenate([stacker.predict(features.iloc[[i]]) for i in range(20)])
    np.testing.assert_array_equal(whole, single)


def test_a_higher_logit_never_lowers_the_score(fitted):
    stacker, features, _, _ = fitted
    scores = []
    for shift in (-2.0, 0.0, 2.0):
        moved = features.copy()
        moved["net_n.labelled"] += np.float32(shift)
        scores.append(stacker.predict(moved))
    assert (scores[1] >= scores[0]).all()
    assert (scores[2] >= scores[1]).all()
    assert (scores[2] > scores[0]).any()


def test_contributions_add_up_to_the_raw_score(fitted):
    stacker, features, _, _ = fitted
    parts = stacker.contributions(features)
    assert parts.shape == (len(features), len(features.columns) + 1)
    np.testing.assert_allclose(parts.sum(1), stacker.raw(features), atol=1e-6)
    assert np.abs(parts[:, 2]).mean() > 3 * np.abs(parts[:, 0]).mean()


def test_columns_that_do_not_fit_are_named(fitted):
    stacker, features, _, _ = fitted
    with pytest.raises(ValueError, match=r"1 columns missing \['b.z'\]"):
        stacker.predict(features.drop(columns="b.z"))
    with pytest.raises(ValueError, match=r"1 unknown \['c.c'\]"):
        stacker.predict(features.assign(**{"c.c": 1.0}))
    with pytest.raises(ValueError, match="order differs"):
        stacker.predict(features[features.columns[::-1]])


def test_no_rows_give_no_scores(fitted):
    stacker, features, _, _ = fitted
    assert stacker.predict(features.iloc[:0]).shape == (0,)


def test_contributions_of_several_experts_add_up_to_the_raw_score(experts):
    features = kinds_table()[0][:50]
    np.testing.assert_allclose(experts.contributions(features).sum(1), experts.raw(features), atol=1e-9)


def test_experts_come_back_as_they_were_saved(experts, tmp_path):
    features = kinds_table()[0]
    loaded = Stacker.load(experts.save(tmp_path), read=reader(tmp_path))
    np.testing.assert_array_equal(loaded.predict(features), experts.predict(features))
    assert [e.kind for e in loaded.experts] == [e.kind for e in experts.experts]


def test_each_kind_has_its_expert_and_one_that_is_sure_is_enough(experts):
    assert sorted(e.kind for e in experts.experts) == ["blend", "labelled"]
    rows = pd.DataFrame([[0, -1, -1], [0, 4, -1], [0, -1, 4]], columns=experts.columns, dtype=np.float32)
    real, fake, blend = experts.predict(rows)
    assert real < 0.25
    assert fake > 0.9
    assert blend > 0.9
    of = {e.kind: e.raw(rows) for e in experts.experts}
    assert of["labelled"][1] > 1 > 0 > of["labelled"][2]
    assert of["blend"][2] > 1 > 0 > of["blend"][1]


def test_one_column_at_a_time_explains_a_row(experts):
    """What an expert looks at is what its kind is seen by: column 1 labelled, column 2 blend."""
    rows = pd.DataFrame([[0, 4, -1], [0, -1, 4]], columns=experts.columns, dtype=np.float32)
    parts = np.abs(experts.contributions(rows)[:, :3])
    assert parts.argmax(1).tolist() == [1, 2]


def test_a_saved_stacker_is_text_that_names_kind_and_fold(experts, tmp_path):
    info = experts.save(tmp_path)
    names = {f"stacker_{kind}_fold{i}.txt" for kind in ("blend", "labelled") for i in range(3)}
    assert {path.name for path in tmp_path.iterdir()} == names
    assert [expert.n_boosters for expert in info.experts] == [3, 3]
    assert sum(expert.share for expert in info.experts) == pytest.approx(1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[: len(text) // 2], "tree_sizes: there is no tree"),
        (
            lambda text: text.replace("leaf_value=", "leaf_value=9", 1).replace("\n", "\r\n", 1),
            "does not begin",
        ),
        (lambda text: text.replace("left_child=", "left_child=7", 1), "tree_sizes|left_child"),
        (lambda text: "ü" + text, "can't decode"),
    ],
)
def test_a_file_that_is_no_booster_is_named(experts, tmp_path, change, message):
    info = experts.save(tmp_path)
    path = tmp_path / "stacker_blend_fold0.txt"
    path.write_text(change(path.read_text()), encoding="utf-8", newline="")
    with pytest.raises(
        ValueError, match=f"stacker_blend_fold0.txt is no booster that can be used: .*({message})"
    ):
        Stacker.load(info, read=reader(tmp_path))
