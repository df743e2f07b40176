"""The audit turns red where a file fact tells the classes, and only there."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline import audit
from pipeline.dataset import file_facts
from pipeline.manifest import COLUMNS
from pipeline.runtime import command
from pipeline.runtime.engine import Engine


def noise(seed: int, side: int = 48) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return cv2.GaussianBlur(rng.integers(0, 256, (side, side, 3), np.uint8), (0, 0), 1.0)


def dataset(folder: Path, *, count: int = 200, quality=(85, 85), brighter: int = 0, sources=("all",)):
    """A manifest of drawn train images; the fakes (odd) are saved at the second quality."""
    rows = []
    for i in range(count):
        target, path = i % 2, folder / f"{i}.jpg"
        pixels = cv2.add(noise(i), np.full(3, brighter * target, np.float64))
        data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality[target]])[1].tobytes()
        path.write_bytes(data)
        sha, source = hashlib.sha256(data).hexdigest(), sources[(i // 2) % len(sources)]
        facts = (path.name, str(path), "train", target, sha, source, sha, 48, 48, "ok", "", i + 2, sha[:16])
        rows.append(facts)
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def run(rows: pd.DataFrame) -> dict:
    return audit.audit(rows, engine=Engine(backend="sequential"))


def verdicts(found: dict) -> dict[tuple[str, str], str]:
    return {(r["source"], r["facts"]): r["verdict"] for r in found["file_facts"]}


def test_one_class_at_another_jpeg_quality_turns_red(tmp_path: Path) -> None:
    found = run(dataset(tmp_path, quality=(85, 92)))
    assert found["verdict"] == "red"
    first = found["findings"][0]
    assert first["level"] == "red"
    assert "alone tells the classes apart: AUC 1.000" in first["text"]
    assert verdicts(found)["overall", "history"] == "leak"


def test_classes_through_the_same_chain_do_not_turn_red(tmp_path: Path) -> None:
    found = run(dataset(tmp_path))
    assert found["verdict"] == "ok"
    assert set(verdicts(found).values()) == {"ok"}
    assert {f["level"] for f in found["findings"]} == {"ok"}
    assert "says little about the class" in found["findings"][0]["text"]


def test_quality_that_varies_in_both_classes_does_not_turn_red(tmp_path: Path) -> None:
    rows = dataset(tmp_path)
    for i, path in enumerate(rows["path"]):
        quality = [70, 80, 90, 95][(i // 2) % 4]
        data = cv2.imencode(".jpg", noise(i), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        Path(path).write_bytes(data.tobytes())
    assert run(rows)["verdict"] == "ok"


def test_brightness_is_told_from_file_history(tmp_path: Path) -> None:
    found = run(dataset(tmp_path, brighter=30))
    assert verdicts(found)["overall", "pixels"] == "leak"
    assert verdicts(found)["overall", "history"] == "ok"


def test_a_leak_of_one_source_is_named(tmp_path: Path) -> None:
    rows = dataset(tmp_path, count=240, sources=("clean", "leaky"))
    leaky = rows[(rows["source"] == "leaky") & (rows["target"] == 1)]
    for i, path in zip(leaky.index, leaky["path"], strict=True):
        Path(path).write_bytes(cv2.imencode(".jpg", noise(i), [1, 60])[1].tobytes())
    found = run(rows)
    assert verdicts(found)["leaky", "history"] == "leak"
    assert verdicts(found)["clean", "history"] == "ok"
    assert any(f["level"] == "red" and "source 'leaky'" in f["text"] for f in found["findings"])


def test_few_images_are_not_judged(tmp_path: Path) -> None:
    found = run(dataset(tmp_path, count=20, quality=(85, 30)))
    assert set(verdicts(found).values()) == {"too few"}
    assert "too few images of a class to tell" in found["findings"][0]["text"]


def test_the_same_input_gives_the_same_report_in_any_row_order(tmp_path: Path) -> None:
    rows = dataset(tmp_path, count=100)
    shuffled = rows.sample(frac=1, random_state=3).reset_index(drop=True)
    assert json.dumps(run(rows)) == json.dumps(run(shuffled))


def test_a_file_that_vanished_is_left_out(tmp_path: Path) -> None:
    rows = dataset(tmp_path, count=100)
    Path(rows["path"][0]).unlink()
    assert run(rows)["file_facts"][0]["images"] == 99


def listing(*entries: tuple[str, str, str, int]) -> pd.DataFrame:
    """Manifest rows of (split, sha256, cluster, target) without files."""
    rows = [
        (f"{i}.jpg", "", split, target, cluster, "all", sha, 8, 8, "ok", "", i, cluster)
        for i, (split, sha, cluster, target) in enumerate(entries)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def levels(findings: list[dict[str, str]]) -> dict[str, str]:
    return {f["text"]: f["level"] for f in findings}


def test_copies_across_splits_are_counted_and_weighed() -> None:
    rows = listing(
        ("train", "a", "a", 0), ("val", "a", "a", 0), *[("val", f"v{i}", "v", 1) for i in range(49)]
    )
    found = levels(audit.repeats_across(rows, "sha256", "exact copies"))
    assert found == {"1 of 50 val images are exact copies of a train image": "red"}
    more = pd.concat([rows, listing(*[("val", f"w{i}", "w", 1) for i in range(200)])])
    assert set(levels(audit.repeats_across(more, "sha256", "exact copies")).values()) == {"amber"}
    apart = rows.assign(sha256=[str(i) for i in range(51)])
    assert set(levels(audit.repeats_across(apart, "sha256", "exact copies")).values()) == {"ok"}


def test_conflicting_labels_on_the_same_bytes() -> None:
    rows = listing(("train", "a", "a", 0), ("train", "a", "a", 1), ("train", "b", "b", 0))
    found = levels(audit.conflicts(rows))
    assert found["2 images have the same bytes as one with the other label"] == "red"
    assert found["1 clusters of near-duplicates hold both classes; they share a fold"] == "ok"
    rows.loc[1, "status"] = "conflicting_label"
    assert set(levels(audit.conflicts(rows)).values()) == {"ok"}


def test_sizes_by_class() -> None:
    rows = listing(("train", "a", "a", 0), ("train", "b", "b", 1), ("val", "c", "c", 1))
    assert audit.sizes(rows) == [{"width": 8, "height": 8, "real": 1, "fake": 2}]


def test_folds_keep_groups_whole_and_hold_both_classes() -> None:
    groups = [f"g{i // 3}" for i in range(300)]
    target = np.array([(i // 3) % 2 for i in range(300)])
    fold = audit.assign_folds(target, groups)
    frame = pd.DataFrame({"g": groups, "f": fold, "t": target})
    assert (frame.groupby("g")["f"].nunique() == 1).all()
    assert (frame.groupby("f")["t"].nunique() == 2).all()


def test_standard_error_of_a_chance_auc() -> None:
    target = np.repeat([0, 1], 100)
    assert audit.standard_error(0.5, target) == pytest.approx(np.sqrt(201 / (12 * 100 * 100)), rel=1e-3)
    assert audit.standard_error(1.0, target) == 0


@pytest.mark.parametrize("quality", [30, 50, 75, 90, 97])
def test_jpeg_quality_is_read_from_the_tables(tmp_path: Path, quality: int) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(noise(0)).save(path, quality=quality, subsampling=2)
    found = dict(zip(file_facts.COLUMNS, file_facts.facts(str(path), max_pixels=10**6), strict=True))
    assert found["quality"] == pytest.approx(quality, abs=1.0)
    assert found["tables"] == 2
    assert found["subsampling"] == 0x22
    assert found["kind"] == 0


def test_file_facts_see_container_exif_and_profile(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "seen"
    image = Image.fromarray(noise(0))
    buffers = {}
    for kind in ("JPEG", "PNG"):
        buffer = io.BytesIO()
        image.save(buffer, kind, exif=exif)
        path = tmp_path / f"a.{kind.lower()}"
        path.write_bytes(buffer.getvalue())
        values = file_facts.facts(str(path), max_pixels=10**6)
        buffers[kind] = dict(zip(file_facts.COLUMNS, values, strict=True))
    assert buffers["JPEG"]["exif"] == buffers["PNG"]["exif"] == 1
    assert buffers["JPEG"]["kind"] != buffers["PNG"]["kind"]
    assert np.isnan(buffers["PNG"]["quality"])
    assert file_facts.facts(str(tmp_path / "none.jpg"), max_pixels=10**6) is None


def test_the_stage_needs_a_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["audit"])
    with pytest.raises(SystemExit, match="2"):
        command.run("audit")
    assert "params.yaml is not here" in capsys.readouterr().err
    monkeypatch.setattr(audit.params, "load", lambda name: audit.params.Compute())
    with pytest.raises(SystemExit, match="2"):
        command.run("audit")
    assert "cache/manifest.parquet is not here; run `dvc repro`" in capsys.readouterr().err
