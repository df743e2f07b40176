"""The audit turns red where a file fact tells the classes, and only there."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from pipeline.dataset import leakage
from pipeline.dataset.manifest_rows import COLUMNS
from pipeline.runtime.engine import Engine
from tests.pipeline.dataset.pictures import noise
from tests.pipeline.hashed import hashed


def dataset(folder: Path, *, count: int = 200, quality=(85, 85), brighter: int = 0, sources=("all",)):
    """A manifest of drawn train images; the fakes (odd) are saved at the second quality."""
    rows = []
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        target, path = i % 2, folder / f"{i}.jpg"
        pixels = cv2.add(noise(i), np.full(3, brighter * target, np.float64))
        data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality[target]])[1].tobytes()
        path.write_bytes(data)
        sha, source = hashlib.sha256(data).hexdigest(), sources[(i // 2) % len(sources)]
        facts = (path.name, str(path), "train", target, sha, source, sha, 48, 48, "ok", "", i + 2, sha[:16])
        rows.append(facts)
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def seen_again(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows as stage manifest would see them after files were written anew."""
    return rows.assign(sha256=[hashed(path).sha256 for path in rows["path"]])


def audited(rows: pd.DataFrame) -> list[dict]:
    """Results by source and group of facts."""
    images = leakage.sample(rows, "train")
    measured, _ = leakage.measure(images, engine=Engine(backend="sequential"))
    return leakage.classes_by_file(images.loc[measured.index], measured)


def verdicts(results: list[dict]) -> dict[tuple[str, str], str]:
    return {(r["source"], r["facts"]): r["verdict"] for r in results}


def test_one_class_at_another_jpeg_quality_turns_red(tmp_path: Path) -> None:
    results = audited(dataset(tmp_path, quality=(85, 92)))
    first = leakage.describe(results[0])
    assert first["level"] == "red"
    assert "alone tells the classes apart: AUC 1.000, TPR 1.00 at FPR 0.01" in first["text"]
    assert verdicts(results)["overall", "history"] == "leak"


def test_classes_through_the_same_chain_do_not_turn_red(tmp_path: Path) -> None:
    results = audited(dataset(tmp_path))
    assert set(verdicts(results).values()) == {"ok"}
    findings = [leakage.describe(result) for result in results]
    assert {finding["level"] for finding in findings} == {"ok"}
    assert "says little about the class" in findings[0]["text"]


def test_quality_that_varies_in_both_classes_does_not_turn_red(tmp_path: Path) -> None:
    rows = dataset(tmp_path)
    for i, path in enumerate(rows["path"]):
        quality = [70, 80, 90, 95][(i // 2) % 4]
        data = cv2.imencode(".jpg", noise(i), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        Path(path).write_bytes(data.tobytes())
    assert set(verdicts(audited(seen_again(rows))).values()) == {"ok"}


def test_brightness_is_told_from_file_history(tmp_path: Path) -> None:
    results = audited(dataset(tmp_path, brighter=30))
    assert verdicts(results)["overall", "pixels"] == "leak"
    assert verdicts(results)["overall", "history"] == "ok"


def test_a_leak_of_one_source_is_named(tmp_path: Path) -> None:
    rows = dataset(tmp_path, count=240, sources=("clean", "leaky"))
    leaky = rows[(rows["source"] == "leaky") & (rows["target"] == 1)]
    for i, path in zip(leaky.index, leaky["path"], strict=True):
        Path(path).write_bytes(cv2.imencode(".jpg", noise(i), [1, 60])[1].tobytes())
    results = audited(seen_again(rows))
    assert verdicts(results)["leaky", "history"] == "leak"
    assert verdicts(results)["clean", "history"] == "ok"
    findings = [leakage.describe(result) for result in results]
    assert any(f["level"] == "red" and "source 'leaky'" in f["text"] for f in findings)


def test_few_images_are_not_weighed(tmp_path: Path) -> None:
    results = audited(dataset(tmp_path, count=20, quality=(85, 30)))
    assert set(verdicts(results).values()) == {"too few"}
    finding = leakage.describe(results[0])
    assert "too few images or groups of a class to tell" in finding["text"]
    assert finding["level"] == "amber"  # nothing is known, which is not the same as nothing found
    assert leakage.describe({**results[0], "source": "one of several"})["level"] == "unknown"


def test_the_same_input_gives_the_same_report_in_any_row_order(tmp_path: Path) -> None:
    rows = dataset(tmp_path, count=100)
    shuffled = rows.sample(frac=1, random_state=3).reset_index(drop=True)
    assert json.dumps(audited(rows)) == json.dumps(audited(shuffled))


def test_a_file_that_vanished_is_left_out(tmp_path: Path) -> None:
    rows = dataset(tmp_path, count=100)
    Path(rows["path"][0]).unlink()
    assert audited(rows)[0]["images"] == 99


def test_a_class_in_few_groups_is_still_validated_and_one_group_is_not(tmp_path: Path) -> None:
    rows = dataset(tmp_path, quality=(85, 92))
    fakes = rows["target"] == 1
    rows.loc[fakes, "group"] = rows.loc[fakes, "group"].str[:0] + (rows.index[fakes] % 3).astype(str)
    target, groups = rows["target"].to_numpy(np.int64), rows["group"].to_numpy(str)
    assert leakage.fold_count(target, groups) == 3
    assert verdicts(audited(rows))["overall", "history"] == "leak"
    rows.loc[fakes, "group"] = "one"
    assert set(verdicts(audited(rows)).values()) == {"too few"}


def test_folds_keep_groups_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fact that only names the group must tell nothing."""
    rows = dataset(tmp_path, count=240)
    rows["group"] = [f"g{i // 6}" for i in range(240)]
    rows["target"] = pd.array([(i // 6) % 2 for i in range(240)], "Int8")
    values = pd.DataFrame({"width": np.random.default_rng(0).permutation(40)[np.arange(240) // 6]})
    assert leakage.cross_validated_auc(values.astype(float), rows)["auc"] < 0.75


def test_standard_error_of_a_chance_auc() -> None:
    target = np.repeat([0, 1], 100)
    assert leakage.standard_error(0.5, target) == pytest.approx(np.sqrt(201 / (12 * 100 * 100)), rel=1e-3)
    assert leakage.standard_error(1.0, target) == 0
