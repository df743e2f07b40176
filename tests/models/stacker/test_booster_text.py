"""LightGBM's text: what it writes is let through and says the same; what would make it crash or hang is not."""

import lightgbm as lgb
import numpy as np
import pytest

from models.stacker import booster_text
from models.stacker.booster_text import END, checked

COLUMNS = ["a.x", "b.y", "c.z"]
ROWS = np.random.default_rng(1).normal(size=(200, 3))


def trained(*, min_data_in_leaf=5, **options):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 3))
    x[::9, 1] = np.nan
    options = {"objective": "binary", "verbosity": -1, "min_data_in_leaf": min_data_in_leaf, **options}
    data = lgb.Dataset(x, label=(x[:, 0] + np.nan_to_num(x[:, 1]) > 0).astype(int), feature_name=COLUMNS)
    return lgb.train(options, data, 4)


@pytest.fixture(scope="module")
def text():
    return trained().model_to_string()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"min_data_in_leaf": 1000},
        {"num_leaves": 2},
        {"monotone_constraints": [1, 0, 0]},
        {"zero_as_missing": True},
    ],
)
def test_what_lightgbm_writes_says_the_same_afterwards(options):
    booster = trained(**options)
    kept = checked(booster.model_to_string(), columns=COLUMNS)
    assert kept.endswith(END)
    again = lgb.Booster(model_str=kept)
    for wanted in ({"raw_score": True}, {"pred_contrib": True}):
        np.testing.assert_array_equal(again.predict(ROWS, **wanted), booster.predict(ROWS, **wanted))
    np.testing.assert_array_equal(again.feature_importance("gain"), booster.feature_importance("gain"))


def test_a_split_of_missing_numbers_from_all_others_is_let_through():
    """Its threshold is inf, which LightGBM writes and reads."""
    x = np.random.default_rng(0).normal(size=(300, 3))
    x[::3, 1] = np.nan
    data = lgb.Dataset(x, label=np.isnan(x[:, 1]).astype(int), feature_name=COLUMNS)
    booster = lgb.train({"objective": "binary", "verbosity": -1, "min_data_in_leaf": 5}, data, 4)
    assert "threshold=inf" in booster.model_to_string()
    again = lgb.Booster(model_str=checked(booster.model_to_string(), columns=COLUMNS))
    np.testing.assert_array_equal(again.predict(x), booster.predict(x))


def test_what_has_passed_on_this_machine_is_not_checked_again(text, tmp_path, monkeypatch):
    monkeypatch.setenv("FAKETRACE_CACHE", str(tmp_path))
    first = checked(text, columns=COLUMNS)
    monkeypatch.setattr(booster_text, "_check_tree", lambda *_, **__: pytest.fail("checked again"))
    assert checked(text, columns=COLUMNS) == first
    with pytest.raises(pytest.fail.Exception, match="checked again"):
        checked(text.replace("shrinkage=1", "shrinkage=2", 1), columns=COLUMNS)
    with pytest.raises(ValueError, match="feature_names is"):
        checked(text, columns=[*COLUMNS[:2], "d.z"])


def test_a_refusal_is_not_remembered_as_a_pass(text, tmp_path, monkeypatch):
    monkeypatch.setenv("FAKETRACE_CACHE", str(tmp_path))
    wrong = edited(text, "left_child", lambda v: "0" + v[1:])
    for _ in range(2):
        with pytest.raises(ValueError, match="tree 0"):
            checked(wrong, columns=COLUMNS)


def edited(text, key, change):
    """The text with the value of the first line of `key` changed, and the size of the first tree set right."""
    lines = text.split("\n")
    place = next(i for i, line in enumerate(lines) if line.startswith(f"{key}="))
    lines[place] = f"{key}={change(lines[place].partition('=')[2])}"
    if key != "tree_sizes":
        start, end = lines.index("Tree=0"), lines.index("Tree=1")
        sizes = next(i for i, line in enumerate(lines) if line.startswith("tree_sizes="))
        others = lines[sizes].split(" ")[1:]
        lines[sizes] = " ".join([f"tree_sizes={len(chr(10).join(lines[start:end])) + 1}", *others])
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("key", "change", "message"),
    [
        ("version", lambda v: "v5", "its version is 'v5', this release reads v4"),
        ("num_class", lambda v: "100000000", "num_class is '100000000' instead of '1'"),
        ("num_tree_per_iteration", lambda v: "0", "num_tree_per_iteration is '0'"),
        ("max_feature_idx", lambda v: "99", "max_feature_idx is '99' instead of '2'"),
        ("objective", lambda v: "lambdarank", "objective is 'lambdarank'"),
        ("feature_names", lambda v: v.replace("b.y", "b.z"), "feature_names is"),
        ("feature_infos", lambda v: "none", "feature_infos holds no 3 ranges"),
        ("tree_sizes", lambda v: "1 " + v.partition(" ")[2], "there is no tree 0 of 1 bytes"),
        ("tree_sizes", lambda v: v.rpartition(" ")[0], "its trees do not end after the 3"),
        ("tree_sizes", lambda v: v + " 10", "there is no tree 4 of 10 bytes"),
        ("tree_sizes", lambda v: "-5 " + v, "there is no tree 0 of -5 bytes"),
        ("num_leaves", lambda v: "1000000000", "num_leaves is 1000000000, allowed are 1 to 131072"),
        ("num_leaves", lambda v: str(int(v) + 1), "tree 0: split_feature holds no"),
        ("num_cat", lambda v: "1", "categories or linear leaves"),
        ("is_linear", lambda v: "1", "categories or linear leaves"),
        ("split_feature", lambda v: "3" + v[1:], "split_feature names a column beyond the 3"),
        ("split_feature", lambda v: "-1" + v[1:], "split_feature names a column beyond"),
        ("threshold", lambda v: "-inf " + v.partition(" ")[2], "threshold holds no"),
        ("threshold", lambda v: "infinity " + v.partition(" ")[2], "threshold holds no"),
        ("leaf_value", lambda v: "inf " + v.partition(" ")[2], "leaf_value holds no"),
        ("decision_type", lambda v: "1" + v[1:], "decision_type is no numerical"),
        ("decision_type", lambda v: "64" + v[1:], "decision_type is no numerical"),
        ("left_child", lambda v: "0" + v[1:], "left_child and right_child make no tree"),
        ("right_child", lambda v: v.rpartition(" ")[0] + " 0", "left_child and right_child make no tree"),
        ("right_child", lambda v: v.rpartition(" ")[0] + " -9999", "left_child and right_child make no tree"),
        ("left_child", lambda v: "1_0" + v[1:], "left_child holds no"),
        ("left_child", lambda v: v + " 2", "left_child holds no"),
        ("leaf_value", lambda v: "nan " + v.partition(" ")[2], "leaf_value holds no"),
        (
            "leaf_value",
            lambda v: "1e999 " + v.partition(" ")[2],
            "leaf_value holds a number that is not finite",
        ),
        ("threshold", lambda v: "- " + v.partition(" ")[2], "threshold holds no"),
        ("internal_count", lambda v: "0 " + v.partition(" ")[2], "a count of rows is not one"),
        ("leaf_count", lambda v: "99999999999 " + v.partition(" ")[2], "a count of rows is not one"),
        ("shrinkage", lambda v: "", "shrinkage holds no 1 numbers"),
        ("shrinkage", lambda v: "1\nshrinkage=2", "'shrinkage' is no key that a booster has there"),
        ("num_class", lambda v: "1\naverage_output=1", "'average_output' is no key"),
        ("label_index", lambda v: "0\n\nTree=0", "max_feature_idx is missing|feature_infos is missing"),
    ],
)
def test_what_would_crash_it_is_named(text, key, change, message):
    with pytest.raises(ValueError, match=message):
        checked(edited(text, key, change), columns=COLUMNS)


def test_a_tree_that_is_too_deep_for_the_stack_is_refused():
    count = 1500
    chain = {
        "num_leaves": count + 1,
        "num_cat": 0,
        "split_feature": " ".join(["0"] * count),
        "split_gain": " ".join(["1"] * count),
        "threshold": " ".join(["0"] * count),
        "decision_type": " ".join(["2"] * count),
        "left_child": " ".join([*(str(i) for i in range(1, count)), "-1"]),
        "right_child": " ".join(str(-i) for i in range(2, count + 2)),
        "leaf_value": " ".join(["1"] * (count + 1)),
        "leaf_weight": " ".join(["1"] * (count + 1)),
        "leaf_count": " ".join(["1"] * (count + 1)),
        "internal_value": " ".join(["1"] * count),
        "internal_weight": " ".join(["1"] * count),
        "internal_count": " ".join(["2"] * count),
        "is_linear": 0,
        "shrinkage": 1,
    }
    block = "Tree=0\n" + "".join(f"{key}={value}\n" for key, value in chain.items()) + "\n\n"
    head = trained().model_to_string().partition("\ntree_sizes")[0]
    with pytest.raises(ValueError, match="tree 0: it is deeper than 1000 splits"):
        checked(f"{head}\ntree_sizes={len(block)}\n\n{block}{END}", columns=COLUMNS)


def test_no_edit_gets_through_that_lightgbm_cannot_read(text):
    """Bytes replaced, cut out, doubled or flipped: refused, or a model that gives finite numbers in this process."""
    rng = np.random.default_rng(0)
    body = text[: text.index(END) + len(END)]
    passed = 0
    for _ in range(400):
        place, length = int(rng.integers(len(body))), int(rng.integers(1, 12))
        piece = body[place : place + length]
        digits = "".join(
            chr(48 + int(d)) if c.isdigit() else c for c, d in zip(piece, rng.integers(10, size=len(piece)))
        )
        flipped = chr(ord(body[place]) ^ (1 << int(rng.integers(7)))) + piece[1:]
        change = [digits, flipped, "", piece * 2][int(rng.integers(4))]
        try:
            kept = checked(body[:place] + change + body[place + length :], columns=COLUMNS)
        except ValueError:
            continue
        passed += 1
        assert np.isfinite(lgb.Booster(model_str=kept).predict(ROWS, raw_score=True)).all()
    assert passed > 20  # digits of thresholds and leaves: another model, but a model
