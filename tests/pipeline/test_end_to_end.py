"""From label files to prediction.txt: every row, one path to the score, the same bytes however it ran."""

import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.bundle import Bundle
from models.bundle_files import read_info, write_info
from models.bundle_info import OVERALL, BundleError
from models.cpu_engine import pick_precision
from models.errors import UserError
from models.fingerprint import ROOT
from models.stacker.calibration import at_prior
from models.stacker.stacker import Stacker
from models.unfinished import part_of
from pipeline import predict
from pipeline.runtime import command
from pipeline.samples import feature_table
from pipeline.samples.pictures import read_plan
from pipeline.serving.bundles import load_bundle
from pipeline.storage.feature_store import open_current
from pipeline.storage.unmade import FilesGoneError
from tests.installations import modules_of, packages_of, without
from tests.pipeline.reporting.prose import english
from tests.pipeline.small_run import TINY, run_stages, write_params

ONE_NET = {**TINY["finetune"], "nets": {"rgb": TINY["finetune"]["nets"]["rgb"]}}


def rows_of(path):
    with open(path, newline="") as stream:
        return list(csv.reader(stream))


def test_every_listed_image_has_its_row_in_order(finished):
    header, *rows = rows_of(finished / "prediction.txt")
    asked = (finished / "demo/test_list.txt").read_text().split()[1:]
    assert header == ["img_name", "y_pred"]
    assert [name for name, _ in rows] == asked
    scores = np.array([float(score) for _, score in rows])
    assert ((scores >= 0) & (scores <= 1)).all()
    assert len(set(scores)) == len(scores)


def test_score_is_the_pipelines_score(finished, monkeypatch):
    monkeypatch.chdir(finished)
    for name, expected in rows_of("prediction.txt")[1:6]:
        assert predict.score(f"demo/testset/{name}") == pytest.approx(float(expected), abs=1e-6)


@pytest.mark.parametrize("page", ["report", "audit"])
def test_pages_of_a_run_show_no_english_to_a_reader_of_chinese(finished, page):
    info = read_info(finished / "cache/model")
    kinds = [expert.kind for expert in info.stacker.experts]
    names = [str(finished), *info.stacker.columns, *info.blocks, *kinds, "rgb", "aligned", "native"]
    html = (finished / f"reports/{page}.html").read_text(encoding="utf-8")
    assert not english(html, names=names)


def test_features_from_pixels_are_the_stored_ones(finished, monkeypatch):
    from pipeline.storage.images import read_image

    monkeypatch.chdir(finished)
    bundle = Bundle.load(finished / "cache/model")
    stored = feature_table.read_table(["val"], bundle.info.sorts)
    pixels = [read_image(path, max_pixels=10**8).pixels for path in stored.rows["path"][:6]]
    features, faces = bundle.features(pixels)
    assert list(features.columns) == bundle.stacker.columns == list(stored.features.columns)
    exact = [c for block in bundle.info.blocks_of("face", "spectral").values() for c in block.columns]
    pd.testing.assert_frame_equal(features[exact], stored.features[exact].iloc[:6], check_exact=True)
    pd.testing.assert_frame_equal(features, stored.features.iloc[:6], rtol=0, atol=1e-6)
    assert all(face.found for face in faces)


def test_every_scored_image_has_its_novelty_and_kinds(finished):
    header, *rows = rows_of(finished / "reports/prediction_details.csv")
    faces = ["face", "n_faces", "face_prob", "x0", "y0", "x1", "y1"]
    kinds = ["labelled", "blend", "reconstruction", "resynthesis"]
    credentials = ["credentials", "credentials_signer", "credentials_sources"]
    assert header == ["img_name", "y_pred", "novelty", "precision", *faces, *credentials, *kinds]
    assert [row[:2] for row in rows] == rows_of(finished / "prediction.txt")[1:]
    assert all(0 <= float(row[2]) <= 1 for row in rows)
    recorded = {net.precision for net in read_info(finished / "cache/model").nets.values()}
    assert {row[3] for row in rows} == recorded == {pick_precision("auto", device="cpu")}


def test_training_knows_variants_and_scoring_does_not(finished, monkeypatch):
    from pipeline.runtime import params

    monkeypatch.chdir(finished)
    names = {"face": "face", "radial": "spectral", "net_rgb": "net"}
    plain = feature_table.read_table(["train", "val"], names)
    plan = read_plan(params.load("variants"))
    whole = feature_table.read_table(["train", "val"], names, variants=plan)
    assert plain.originals.all()
    kinds = whole.rows.loc[~whole.originals, "kind"].value_counts()
    reals = int((plain.rows.loc[plain.rows["split"] == "train", "target"] == 0).sum())
    assert kinds["blend"] == kinds["resynthesis"] == reals
    assert 0 < kinds["reconstruction"] < reals
    partners = whole.rows.loc[whole.rows["partner_of"] != "", "partner_of"].value_counts()
    assert partners.to_dict() == {kind: kinds[kind] for kind in ("blend", "resynthesis", "reconstruction")}
    assert kinds["real"] == reals + partners.sum()  # degraded copies and partners
    pd.testing.assert_frame_equal(whole.take(whole.originals).features, plain.features)
    changed = whole.features.loc[~whole.originals, "radial.slope_low"].to_numpy()
    assert len(np.unique(changed)) > 0.9 * len(changed)
    images = read_info(finished / "cache/model").training.images
    assert images == (plain.rows["split"] == "train").sum()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_command_line_writes_the_pipelines_bytes(finished, monkeypatch, tmp_path, workers, capsys):
    monkeypatch.chdir(finished)
    monkeypatch.setattr("pipeline.serving.scoring.IMAGES_PER_TASK", 4)
    arguments = ["--images", "demo/testset", "--list", "demo/test_list.txt", "--out", str(tmp_path / "p.txt")]
    predict.main([*arguments, "--workers", workers])
    assert (tmp_path / "p.txt").read_bytes() == (finished / "prediction.txt").read_bytes()
    assert "rows in" in capsys.readouterr().out


def test_another_prior_shifts_the_log_odds_of_every_score(finished, monkeypatch, tmp_path):
    monkeypatch.chdir(finished)
    out = tmp_path / "p.txt"
    predict.main(["demo/testset", "--out", str(out), "--workers", "1", "--prior", "0.05"])
    trained = read_info(finished / "cache/model").prior
    stage = dict(rows_of(finished / "prediction.txt")[1:])
    for name, moved in rows_of(out)[1:]:
        expected = at_prior(float(stage[name]), trained=trained, wanted=0.05)
        assert float(moved) == pytest.approx(float(expected), abs=1e-9)


def test_options_without_images_do_not_run_the_stage(finished, monkeypatch):
    monkeypatch.chdir(finished)
    before = (finished / "prediction.txt").stat().st_mtime_ns
    monkeypatch.setattr("sys.argv", ["predict", "--out", "elsewhere.txt"])
    with pytest.raises(UserError, match="--images is missing"):
        predict.main()
    assert (finished / "prediction.txt").stat().st_mtime_ns == before


def test_a_folder_may_stand_alone_and_the_stages_file_stays(copied, monkeypatch):
    monkeypatch.chdir(copied)
    before = (copied / "prediction.txt").stat().st_mtime_ns
    predict.main(["demo/testset", "--workers", "1"])
    assert dict(rows_of(copied / "scores.txt")) == dict(rows_of(copied / "prediction.txt"))
    assert (copied / "prediction.txt").stat().st_mtime_ns == before


def test_command_line_names_files_relative_to_the_folder(finished, monkeypatch, tmp_path):
    monkeypatch.chdir(finished)
    shutil.copytree("demo/testset", tmp_path / "in/deep")
    predict.main(["--images", str(tmp_path / "in"), "--out", str(tmp_path / "p.txt"), "--workers", "1"])
    names = [name for name, _ in rows_of(tmp_path / "p.txt")[1:]]
    assert names == sorted(f"deep/{p.name}" for p in (tmp_path / "in/deep").iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--images", "empty"], "no image in empty"),
        (["--images", "nowhere"], "nowhere is not there; name a folder or image files"),
        (
            ["--images", "demo/testset", "--bundle", "empty"],
            "holds no bundle.json; train a bundle with `dvc repro`",
        ),
        (["--images", "a.jpg", "--list", "demo/test_list.txt"], "--list needs --images to be the one folder"),
        (["--out", "x"], "--images is missing"),
    ],
)
def test_what_cannot_be_done_is_said(copied, monkeypatch, arguments, message):
    monkeypatch.chdir(copied)
    (copied / "empty").mkdir()
    with pytest.raises(UserError, match=message):
        predict.main(arguments)


def test_a_negative_number_of_workers_is_refused(capsys):
    with pytest.raises(SystemExit, match="2"):
        predict.main(["--images", "a", "--workers", "-1"])
    assert "is '-1', allowed are 0" in capsys.readouterr().err


def test_unreadable_image_gives_the_prior_and_a_warning(finished, monkeypatch, tmp_path):
    monkeypatch.chdir(finished)
    (tmp_path / "text.jpg").write_text("hello")
    with pytest.warns(UserWarning, match="training prior"):
        value = predict.score(tmp_path / "text.jpg", on_error="prior")
    assert value == Bundle.load(finished / "cache/model").prior


def test_bundle_alone_scores_anywhere(finished, monkeypatch, tmp_path):
    shutil.copytree(finished / "cache/model", tmp_path / "model")
    name, expected = rows_of(finished / "prediction.txt")[1]
    image = finished / "demo/testset" / name
    monkeypatch.chdir(tmp_path)
    assert predict.score(image, bundle="model") == pytest.approx(float(expected), abs=1e-6)


def test_scoring_does_without_the_packages_of_training(finished, tmp_path):
    """Those of the extra `train` cannot be imported, nothing was kept on the machine, and the bytes are the pipeline's."""
    assert {"torch", "timm", "sklearn", "facenet_pytorch"} <= modules_of(packages_of("train"))
    names = [name for name, _ in rows_of(finished / "prediction.txt")[1:]]
    (tmp_path / "list.txt").write_text("img_name\n" + "".join(f"{name}\n" for name in names))
    command = [
        sys.executable,
        "-m",
        "pipeline.predict",
        "--bundle",
        finished / "cache/model",
        "--workers",
        "1",
    ]
    command += ["--list", "list.txt", "--images", finished / "demo/testset", "--out", "out.txt"]
    subprocess.run(command, cwd=tmp_path, env=without("train", tmp_path), check=True)
    assert (tmp_path / "out.txt").read_bytes() == (finished / "prediction.txt").read_bytes()


def test_reasons_do_without_the_packages_of_training(finished, tmp_path):
    """The page and its JSON, with the map of the nets' evidence, are those of the whole installation to the last byte."""
    names = sorted(str(path) for path in (finished / "demo/testset").iterdir())[:2]
    for place, environment in (("all", dict(os.environ)), ("base", without("train", tmp_path))):
        (tmp_path / place).mkdir()
        command = [sys.executable, "-m", "pipeline.explain", *names, "--bundle", finished / "cache/model"]
        subprocess.run(
            [*command, "--out", tmp_path / place / "why.html"], env=environment, cwd=ROOT, check=True
        )
    for file in ("why.html", "why.json"):
        assert (tmp_path / "base" / file).read_bytes() == (tmp_path / "all" / file).read_bytes()
    assert "map of the nets" in (tmp_path / "base/why.html").read_text()


def test_bundle_of_other_code_is_refused(finished, tmp_path):
    shutil.copytree(finished / "cache/model", tmp_path / "model")
    info = read_info(tmp_path / "model")
    target = "features.blocks.radial:radial"
    write_info(tmp_path / "model", info.model_copy(update={"code": {**info.code, target: "0" * 16}}))
    with pytest.raises(BundleError, match=f"trained with other code of {target}; train again"):
        load_bundle(tmp_path / "model", "cpu")


def test_every_part_of_a_bundle_is_checked_before_it_is_read(finished, tmp_path, capsys):
    """Each file altered by a byte, cut and missing: one line that names it, status 2, no traceback."""
    model = tmp_path / "model"
    shutil.copytree(finished / "cache/model", model)
    files = sorted(path for path in model.rglob("*") if path.is_file())
    assert {path.suffix for path in files} == {".bin", ".json", ".md", ".txt", ".safetensors", ".xml"}
    for path in files:
        whole = path.read_bytes()
        middle = len(whole) // 2
        altered = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
        for damaged in (altered, whole[:middle], None):
            path.unlink()
            if damaged is not None:
                path.write_bytes(damaged)
            with pytest.raises(BundleError, match=re.escape(path.relative_to(model).as_posix())) as error:
                load_bundle(model, "cpu")
            assert "\n" not in str(error.value)
            path.unlink(missing_ok=True)
            path.write_bytes(whole)
    load_bundle(model, "cpu")


def test_a_refused_bundle_ends_in_one_line(finished, tmp_path, monkeypatch, capsys):
    shutil.copytree(finished / "cache/model", tmp_path / "model")
    (tmp_path / "model/novelty.safetensors").write_bytes(b"cut")
    arguments = ["predict", str(finished / "demo/testset"), "--bundle", str(tmp_path / "model")]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit, match="2"):
        command.run("predict")
    assert re.fullmatch(
        r"error: .*novelty.safetensors is damaged or was altered.*\n", capsys.readouterr().err
    )


def test_bundle_says_how_it_was_made(finished):
    info = read_info(finished / "cache/model")
    assert info.training.images == len(rows_of(finished / "demo/train_label.txt")) - 1
    assert info.prior == pytest.approx(0.5, abs=0.1)
    assert list(info.blocks) == ["face", "radial", "npr", "contrast", "embed_small", "net_rgb", "net_npr"]
    assert list(info.sorts.values()) == ["face"] + ["spectral"] * 3 + ["embedding"] + ["net"] * 2
    assert any("'absent' is frozen" in warning for warning in info.warnings)
    assert any("net_npr: from scratch" in warning for warning in info.warnings)
    assert not any("net_rgb" in warning for warning in info.warnings)
    assert not list((finished / "cache").rglob("*.pkl"))


def test_nets_lie_once_and_anybody_may_read_them(finished):
    for path in (finished / "cache/model/nets").rglob("*"):
        if path.is_file():
            assert path.samefile(finished / "cache/nets" / path.relative_to(finished / "cache/model/nets"))
            assert path.stat().st_mode & 0o444 == 0o444
    fold = next((finished / "cache/finetune/net_rgb".replace("net_", "")).glob("*/fold0/weights.safetensors"))
    assert fold.samefile(finished / "cache/nets/net_rgb/member0.safetensors")


def test_train_rows_have_logits_of_a_net_that_never_saw_them(finished, monkeypatch):
    """Fold 0's images must be scored by member 0, which was trained on the other fold alone."""
    from features.views import plan_crop
    from models.nets.crops import crop_for
    from models.nets.face_net import FaceNet
    from pipeline.runtime import params
    from pipeline.samples.net_folds import prepare
    from pipeline.storage.face_schema import to_face
    from pipeline.storage.images import read_image

    monkeypatch.chdir(finished)
    rows, faces = feature_table.read_faces()
    options = params.load("faces")
    job = prepare(
        "rgb",
        rows,
        faces,
        section=params.load("finetune"),
        options=options,
        max_pixels=10**8,
        weights=finished / "weights",
        plan=read_plan(params.load("variants")),
    )
    stored = feature_table.read_table(["train"], {"net_rgb": "net"}).features["net_rgb.labelled"].to_numpy()
    for member in (0, 1):
        net = FaceNet.load(finished / "cache/nets/net_rgb", member=member)
        for index in np.flatnonzero(job.train["fold"] == member)[:4]:
            pixels = read_image(job.train["path"][index], max_pixels=10**8).pixels
            crop = plan_crop(
                to_face(job.faces[index]),
                height=pixels.shape[0],
                width=pixels.shape[1],
                **options.cuts(),
            )
            assert net([crop_for(net.spec, pixels, crop)])[0, 0] == pytest.approx(stored[index], abs=1e-5)
    for group in job.train["group"].unique():
        assert job.train.loc[job.train["group"] == group, "fold"].nunique() == 1


def test_scores_are_calibrated_on_images_that_nothing_was_trained_on(copied, monkeypatch):
    from models.stacker.training import recalibrated
    from pipeline.runtime import params
    from pipeline.samples.fit import fit_table
    from pipeline.storage.images import read_image

    monkeypatch.setattr("pipeline.dataset.splits.CALIBRATION_SHARE", 0.3)
    write_params(copied, finetune=ONE_NET)
    run_stages(copied, ("manifest", "finetune", "train", "predict"))
    monkeypatch.chdir(copied)
    manifest = pd.read_parquet("cache/manifest.parquet")
    held = manifest[manifest["split"] == "calibration"]
    assert set(held["target"]) == {0, 1}
    assert not set(held["group"]) & set(manifest.loc[manifest["split"] == "train", "group"])
    bundle = Bundle.load(copied / "cache/model")
    assert bundle.info.training.calibration == len(held)
    names = bundle.info.sorts
    stored = feature_table.read_table(["calibration"], names).features
    features, _ = bundle.features([read_image(path, max_pixels=10**8).pixels for path in held["path"]])
    pd.testing.assert_frame_equal(features, stored, rtol=0, atol=1e-6)  # by all members, as any new image
    learned = feature_table.read_table(["train"], names, variants=read_plan(params.load("variants")))
    fitted = fit_table(learned, params.load("train"))
    prior = float(learned.rows.loc[learned.originals, "target"].mean())
    corrected = recalibrated(fitted, stored, held["target"].to_numpy(int), prior=prior)
    assert (bundle.stacker.slope, bundle.stacker.offset) == (corrected.slope, corrected.offset)
    assert corrected.slope != fitted.slope
    groups = [held.loc[held["target"] == side, "group"].nunique() for side in (0, 1)]
    overall = [limit for limit in bundle.info.thresholds if limit.source == OVERALL]
    assert {(limit.reals, limit.fakes) for limit in overall} == {tuple(groups)}


def test_a_bundle_that_could_not_be_read_ends_the_training(copied, monkeypatch):
    save = Stacker.save

    def cut(self, folder):
        info = save(self, folder)
        (folder / "stacker_labelled_fold1.txt").write_text("tree\n", encoding="utf-8")
        return info

    monkeypatch.setattr(Stacker, "save", cut)
    with pytest.raises(BundleError, match="stacker_labelled_fold1.txt is no booster that can be used"):
        run_stages(copied, ("train",))


def test_with_one_trained_fold_the_stacker_learns_from_that_fold_alone(copied, monkeypatch):
    from pipeline.samples.net_folds import prepare

    section = {**TINY["finetune"], "folds": 2, "n_models": 1}
    write_params(copied, finetune=section)
    run_stages(copied, ("finetune", "train", "evaluate", "predict"))
    monkeypatch.chdir(copied)
    from pipeline.runtime import params

    rows, faces = feature_table.read_faces(["train"])
    options = {"section": params.load("finetune"), "options": params.load("faces"), "max_pixels": 10**8}
    plan = read_plan(params.load("variants"))
    job = prepare("rgb", rows, faces, weights=copied / "weights", plan=plan, **options)
    held = job.train.loc[job.train["fold"] == 0, "sha256"]
    learned = feature_table.read_table(["train"], {"net_rgb": "net", "net_npr": "net"}).rows["sha256"]
    assert sorted(learned) == sorted(held)
    info = read_info(copied / "cache/model")
    assert info.training.images == len(held)
    assert info.nets["net_rgb"].n_models == 1
    assert len(rows_of(copied / "prediction.txt")) == len(rows_of(copied / "demo/test_list.txt"))


BLOCKS = (
    *(f"features/spectral/{name}" for name in TINY["spectral"]["blocks"]),
    *("features/embed_small", "features/net_rgb", "features/net_npr"),
)


def lose_shards(folder, block):
    """Two full shards of a block: enough work for two processes."""
    shards = sorted((folder / "cache" / block).glob("*/*.parquet"), key=lambda path: path.stat().st_size)
    assert len(shards) > 3
    for shard in shards[-2:]:
        shard.unlink()


def shards(folder):
    return {
        p.relative_to(folder): p.stat().st_mtime_ns for p in sorted((folder / "cache").rglob("*.parquet"))
    }


def test_a_rerun_computes_nothing_and_writes_the_same_bytes(copied):
    before, bytes_before = shards(copied), (copied / "prediction.txt").read_bytes()
    run_stages(copied, ("faces", "spectral", "embed", "finetune"))
    assert shards(copied) == before
    run_stages(copied, ("train", "predict"))
    assert (copied / "prediction.txt").read_bytes() == bytes_before


def test_a_killed_run_goes_on_and_ends_in_the_same_bytes(copied):
    """What a kill leaves: some shards of some blocks, half-written files, unfinished folds."""
    expected = (copied / "prediction.txt").read_bytes()
    cache = copied / "cache"
    for pattern in (
        "faces/*/*.parquet",
        "features/spectral/npr/*/*.parquet",
        "features/embed_small/*/*.parquet",
    ):
        found = sorted(cache.glob(pattern))
        assert len(found) > 3
        for shard in found[1:3]:  # as many as show it
            shard.unlink()
        part_of(found[0].parent / "deadbeef").write_bytes(b"half a shard")
    shutil.rmtree(next(cache.glob("finetune/rgb/*/fold1")))
    shutil.rmtree(cache / "nets/net_rgb")
    shutil.rmtree(cache / "model")
    run_stages(copied, ("faces", "spectral", "embed", "finetune", "train", "predict"))
    assert (copied / "prediction.txt").read_bytes() == expected
    assert not list(cache.rglob("*.part"))


def test_test_images_that_changed_between_stages_are_named_and_right_again(copied):
    expected = (copied / "prediction.txt").read_bytes()
    prior = str(read_info(copied / "cache/model").prior)
    gone, swapped, other = sorted((copied / "demo/testset").iterdir())[:3]
    kept = {path: path.read_bytes() for path in (gone, swapped)}
    for stage in ("faces", "features/spectral"):  # the files change before this stage
        shutil.rmtree(copied / "cache" / stage)
        gone.unlink()
        swapped.write_bytes(other.read_bytes())
        run_stages(copied, ("faces", "spectral", "embed", "finetune", "predict"))
        name = stage.split("/")[-1]
        listed = rows_of(copied / f"cache/issues/{name}.csv")[1:]
        assert [(Path(row[0]).name, row[1]) for row in listed] == [
            (gone.name, "missing_file"),
            (swapped.name, "changed_file"),
        ]
        scores = dict(rows_of(copied / "prediction.txt")[1:])
        assert scores[gone.name] == scores[swapped.name] == prior
        assert dict(rows_of_bytes(expected))[other.name] == scores[other.name]
        named = {row[0]: row[1] for row in rows_of(copied / "reports/prediction_issues.csv")[1:]}
        assert (named[gone.name], named[swapped.name]) == ("missing_file", "changed_file")
        for path, data in kept.items():
            path.write_bytes(data)
        run_stages(copied, ("manifest",))
        assert not (copied / f"cache/issues/{name}.csv").exists(), "so that DVC runs the stage again"
        run_stages(copied, ("faces", "spectral", "embed", "finetune", "predict"))
        assert (copied / "prediction.txt").read_bytes() == expected


def test_a_net_is_not_trained_on_other_files_than_its_address_says(copied):
    shutil.rmtree(copied / "cache/finetune/rgb")
    pictures = [path for path in (copied / "demo/trainset").rglob("*") if path.is_file()]
    kept = {path: path.read_bytes() for path in pictures}
    for path in pictures[1:]:
        path.write_bytes(kept[pictures[0]])
    with pytest.raises(FilesGoneError, match="net 'rgb' learns from an image .* has other bytes") as error:
        run_stages(copied, ("finetune",))
    assert "\n" not in str(error.value)
    assert rows_of(copied / "cache/issues/net_rgb.csv")[1][1] == "changed_file"
    assert not list((copied / "cache/finetune/rgb").rglob("weights.safetensors"))


def rows_of_bytes(data):
    return list(csv.reader(data.decode().splitlines()))


def test_the_number_of_workers_changes_no_byte(copied):
    expected = (copied / "prediction.txt").read_bytes()
    for block in ("faces", *BLOCKS):
        lose_shards(copied, block)
    write_params(copied, compute={"workers": 2, "backend": "loky", "shard_size": 9})
    run_stages(copied, ("faces", "spectral"))
    # New workers: joblib takes torch for a leak in those that began without it, and starts others again and again.
    run_stages(copied, ("embed", "finetune", "train", "predict"))
    assert (copied / "prediction.txt").read_bytes() == expected


def test_new_images_cost_only_themselves(copied):
    before = shards(copied)
    for name in ("a", "b"):
        source = sorted((copied / "demo/testset").iterdir())[0 if name == "a" else 1]
        with open(copied / f"demo/testset/{name}.jpg", "wb") as stream:
            stream.write(source.read_bytes() + name.encode())
    with open(copied / "demo/test_list.txt", "a") as stream:
        stream.write("a.jpg\nb.jpg\n")
    run_stages(copied, ("manifest", "faces", "spectral", "embed", "finetune", "train", "predict"))
    after = shards(copied)
    assert all(
        after[shard] == when
        for shard, when in before.items()
        if "features" in shard.parts or "faces" in shard.parts
    )
    with_faces = [s for s in after.keys() - before.keys() if s.parts[1] == "faces"]
    assert len(with_faces) == 1
    rows = dict(rows_of(copied / "prediction.txt")[1:])
    originals = [p.name for p in sorted((copied / "demo/testset").iterdir()) if p.stem not in ("a", "b")][:2]
    assert rows["a.jpg"] == rows[originals[0]]
    assert rows["b.jpg"] == rows[originals[1]]


def test_a_changed_parameter_makes_a_new_version_and_drops_the_old(copied):
    old = open_current(copied / "cache/features/spectral/radial").version
    write_params(copied, faces={"native": 1.0})
    run_stages(copied, ("spectral",))
    new = open_current(copied / "cache/features/spectral/radial").version
    assert new != old
    assert [p.name for p in (copied / "cache/features/spectral/radial").iterdir() if p.is_dir()] == [new]


def test_report_and_metrics_are_there(finished):
    page = (finished / "reports/report.html").read_text()
    assert "net_rgb" in page
    assert "absent" in page, "what was left out is said"
    assert page.count("<script") == 1, "its own, which the page's policy names by hash"
    assert "http" not in page.replace("http://www.w3.org", "").replace("http-equiv", "")
    metrics = json.loads((finished / "reports/evaluation.json").read_text())
    assert 0 <= metrics["val"]["overall"]["auc"]["value"] <= 1
    blocks = pd.read_csv(finished / "reports/importance_blocks.csv")
    assert set(blocks["block"]) >= {"radial", "net_rgb"}
    assert TINY["report"]["top"] <= len(pd.read_csv(finished / "reports/importance_features.csv"))


def test_a_cluster_makes_the_same_files(copied):
    distributed = pytest.importorskip("distributed")
    made = "features/spectral", "features/net_rgb", "nets/net_rgb", "finetune/rgb"
    before = digests(copied, made)
    for name in ("features/spectral/radial", "features/spectral/npr", "features/net_rgb"):
        lose_shards(copied, name)
    for name in ("nets/net_rgb", "finetune/rgb"):
        shutil.rmtree(copied / "cache" / name)
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    ) as cluster:
        compute = {"backend": "dask", "scheduler": cluster.scheduler_address, "shard_size": 16}
        write_params(copied, compute=compute)
        run_stages(copied, ["spectral", "finetune"], nets=["rgb"])
    assert digests(copied, made) == before


def digests(folder, names):
    """SHA-256 of every file under these folders of the cache."""
    files = [path for name in names for path in (folder / "cache" / name).rglob("*") if path.is_file()]
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}
