"""Say why images got their scores: a page with pictures and reasons, and the same as JSON beside it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from models.bundle import Bundle
from pipeline.dataset.lists import LabelError
from pipeline.reporting.explanation_page import Explained, compose
from pipeline.reporting.page import render
from pipeline.runtime import paths
from pipeline.runtime.command import run
from pipeline.runtime.process import pick_device
from pipeline.serving.bundles import load_bundle
from pipeline.serving.explanation import explain
from pipeline.serving.inputs import named_files
from pipeline.serving.scoring import by_model
from pipeline.storage.files import appearing, write_json
from pipeline.storage.images import BadImage, read_image

MAX_IMAGES = 50  # on one page: it holds every picture


def explain_files(
    files: Sequence[tuple[str, str]], bundle: Bundle
) -> tuple[list[Explained], list[tuple[str, str]]]:
    """Explain (name, path) pairs one by one.

    Returns
    -------
    list of Explained
    list of (name, reason)
        Of the files that cannot be read.
    """
    images, unread = [], []
    for name, path in tqdm(files, desc="explain", unit="img"):
        try:
            picture = read_image(path, max_pixels=bundle.max_pixels)
        except BadImage as bad:
            unread.append((name, bad.detail))
            continue
        why = explain(bundle, picture.pixels)
        row = by_model(name, why.prediction, picture.notes, found=why.face.found)
        images.append(Explained(name, picture.pixels, why, row.warnings))
    return images, unread


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(prog="python -m pipeline.explain", description=__doc__)
    add = command.add_argument
    add(
        "images",
        nargs="+",
        type=Path,
        help=f"image files, or folders (searched below), {MAX_IMAGES} images at most",
    )
    add("--bundle", type=Path, default=paths.BUNDLE, help="folder of a trained model (default: %(default)s)")
    add(
        "--out",
        type=Path,
        default=Path("explanation.html"),
        help="the page; the JSON lies beside it (default: %(default)s)",
    )
    add("--device", choices=["auto", "cpu", "cuda"], default="auto", help="default: %(default)s")
    return command


def main(arguments: Sequence[str] | None = None) -> None:
    """Explain what the command line names."""
    args = parser().parse_args(arguments)
    files, _ = named_files(args.images, None)
    if len(files) > MAX_IMAGES:
        raise LabelError(
            f"{len(files):,} images are named, one page holds {MAX_IMAGES}; name fewer, or score them with pipeline.predict"
        )
    bundle = load_bundle(args.bundle, pick_device(args.device))
    images, unread = explain_files(files, bundle)
    with appearing(args.out) as part:
        part.write_text(render(compose(images, unread, bundle.info)), encoding="utf-8")
    beside = args.out.with_suffix(".json")
    records = [
        {"img_name": image.name, "warnings": image.warnings} | image.explanation.record() for image in images
    ]
    write_json(
        beside, records + [{"img_name": name, "y_pred": None, "warnings": why} for name, why in unread]
    )
    print(f"{len(images)} images explained in {args.out} and {beside}; {len(unread)} could not be read")


if __name__ == "__main__":
    run("explain")
