"""Damaged and unusual files in a test list: every row is there, each with its reason."""

import csv
import io
import shutil

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline import predict
from tests.pipeline.small_run import run_stages


def encoded(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def jpeg(pixels):
    return cv2.imencode(".jpg", pixels[..., ::-1])[1].tobytes()


def exif_rotated(pixels):
    image = Image.fromarray(np.ascontiguousarray(np.rot90(pixels)))
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(image, "JPEG", exif=exif.tobytes())


def animated(pixels):
    frames = [Image.fromarray(pixels), Image.fromarray(255 - pixels)]
    return encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])


def palette_with_alpha(pixels):
    image = Image.fromarray(pixels).quantize(64)
    return encoded(image, "PNG", transparency=0)


# name -> (ending, bytes of a face picture made so, who scores it, words of the reason)
KINDS = {
    "truncated": (".jpg", lambda p: jpeg(p)[:-800], "training prior", "truncated"),
    "zero_bytes": (".jpg", lambda p: b"", "training prior", "empty"),
    "text": (".jpg", lambda p: b"no picture at all\n" * 40, "training prior", "is text"),
    "one_pixel": (".png", lambda p: encoded(Image.fromarray(p[:1, :1]), "PNG"), "model", "no face found"),
    "huge": (
        ".png",
        lambda p: encoded(Image.new("1", (12_000, 12_000)), "PNG"),
        "training prior",
        "144,000,000",
    ),
    "cmyk": (".jpg", lambda p: encoded(Image.fromarray(p).convert("CMYK"), "JPEG"), "model", "CMYK"),
    "palette": (".png", palette_with_alpha, "model", "alpha"),
    "sixteen_bit": (
        ".png",
        lambda p: cv2.imencode(".png", p.astype(np.uint16) * 257)[1].tobytes(),
        "model",
        "16-bit",
    ),
    "animated": (".gif", animated, "model", "frame"),
    "exif": (".jpg", exif_rotated, "model", "EXIF"),
}


def write_damaged(folder, faces, *, each):
    """`each` files of every kind; returns their names by kind."""
    names = {kind: [] for kind in KINDS}
    for kind, (ending, make, _, _) in KINDS.items():
        for number in range(each):
            name = f"{kind}_{number}{ending}"
            data = make(faces[number % len(faces)])
            (folder / name).write_bytes(data)
            names[kind].append(name)
    return names


def check(rows, issues, names):
    """Every name has one row and one reason of the right kind."""
    listed = [name for kind in names for name in names[kind]]
    assert set(listed) <= set(rows["img_name"])
    issues = issues.set_index("img_name")
    for kind, (_, _, source, words) in KINDS.items():
        for name in names[kind]:
            assert issues.loc[name, "source"] == source, (name, issues.loc[name].to_dict())
            assert pd.notna(issues.loc[name, "warnings"])
            assert pd.Series([issues.loc[name, "warnings"]]).str.contains(words, case=False)[0], issues.loc[
                name, "warnings"
            ]


@pytest.fixture
def faces(finished):
    paths = sorted((finished / "demo/testset").iterdir())[:2]
    return [cv2.cvtColor(cv2.imread(str(p)), cv2.COLOR_BGR2RGB) for p in paths]


def test_stages_score_every_row(copied, faces):
    names = write_damaged(copied / "demo/testset", faces, each=2)
    with open(copied / "demo/test_list.txt", "a", newline="") as stream:
        for kind in names:
            csv.writer(stream).writerows([name] for name in names[kind])
        stream.write("never_there.jpg\n../outside.jpg\n")
    before = pd.read_csv(copied / "prediction.txt")
    run_stages(copied, ("manifest", "faces", "spectral", "embed", "finetune", "predict"))
    rows = pd.read_csv(copied / "prediction.txt")
    issues = pd.read_csv(copied / "reports/prediction_issues.csv")
    assert len(rows) == len(before) + 2 * len(KINDS) + 2
    assert rows["y_pred"].between(0, 1).all()
    check(rows, issues, names)
    assert set(issues["status"]) >= {"missing_file", "outside_root", "truncated", "too_large"}
    pd.testing.assert_frame_equal(rows.iloc[: len(before)], before)


def test_command_line_says_the_same_as_the_stages(copied, faces, monkeypatch):
    shutil.rmtree(copied / "demo/testset")
    (copied / "demo/testset").mkdir()
    names = write_damaged(copied / "demo/testset", faces, each=1)
    listed = [names[kind][0] for kind in names]
    (copied / "demo/test_list.txt").write_text("img_name\n" + "\n".join(listed) + "\n")
    run_stages(copied, ("manifest", "faces", "spectral", "embed", "finetune", "predict"))
    monkeypatch.chdir(copied)
    predict.main(
        ["--images", "demo/testset", "--list", "demo/test_list.txt", "--out", "out.txt", "--workers", "1"]
    )
    assert (copied / "out.txt").read_bytes() == (copied / "prediction.txt").read_bytes()
    by_stage = pd.read_csv(copied / "reports/prediction_issues.csv")
    by_command = pd.read_csv(copied / "out_issues.csv")
    assert by_stage["img_name"].tolist() == by_command["img_name"].tolist() == listed
    assert by_stage["source"].tolist() == by_command["source"].tolist()
    assert by_stage["status"].tolist() == by_command["status"].tolist()


def test_exif_rotation_is_undone(faces):
    from pipeline.storage.images import decode

    upright = decode(exif_rotated(faces[0]), max_pixels=10**8).pixels
    assert upright.shape == faces[0].shape
    apart = [np.abs(turned.astype(int) - faces[0]).mean() for turned in (upright, upright[::-1, ::-1])]
    assert apart[0] < 6  # the JPEG's own loss
    assert apart[1] > 4 * apart[0]
