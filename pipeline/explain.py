"""Say why images got their scores: a page with pictures and reasons, and the same as JSON beside it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from models.bundle import Bundle
from pipeline.dataset.lists import LabelError
from pipeline.reporting.explanation_page import Explained, compose
from pipeline.reporting.language import LANGUAGES
from pipeline.reporting.rendering import render
from pipeline.runtime import paths
from pipeline.runtime.command import run
from pipeline.runtime.process import pick_device
from pipeline.serving.bundles import load_bundle
from pipeline.serving.command_line import inputs, named
from pipeline.serving.containers import Packed
from pipeline.serving.explanation import explain
from pipeline.serving.inputs import named_files
from pipeline.serving.pictures import ReadPicture, read_picture
from pipeline.serving.prediction_rows import by_model
from pipeline.storage.file_names import readable
from pipeline.storage.files import json_text
from pipeline.storage.images import BadImage
from pipeline.storage.outputs import NOWHERE, OutputError, check_outputs, is_streamed, text_output

IMAGES_AT_ONCE = 8  # as many as the nets take in one batch
MAX_IMAGES = 50  # on one page: it holds every picture


def explain_files(
    files: Sequence[tuple[str, str | Packed]], bundle: Bundle
) -> tuple[list[Explained], list[tuple[str, str]]]:
    """Explain (name, path or Packed) pairs, some pictures at a time.

    Returns
    -------
    list of Explained
    list of (name, reason)
        Of the files that cannot be read.
    """
    images: list[Explained] = []
    unread: list[tuple[str, str]] = []
    with tqdm(total=len(files), desc="explain", unit="img") as bar:
        for start in range(0, len(files), IMAGES_AT_ONCE):
            pictures: list[tuple[str, ReadPicture]] = []
            for name, source in files[start : start + IMAGES_AT_ONCE]:
                try:
                    pictures.append((name, read_picture(source, max_pixels=bundle.max_pixels)))
                except BadImage as bad:
                    unread.append((name, bad.detail))
            reasons = explain(bundle, [picture.pixels for _, picture in pictures])
            for (name, picture), why in zip(pictures, reasons, strict=True):
                row = by_model(name, why.prediction, picture.notes, face=why.face, precision=bundle.precision)
                images.append(Explained(name, picture.pixels, why, row.warnings, picture.credentials))
            bar.update(len(files[start : start + IMAGES_AT_ONCE]))
    return images, unread


def beside_page(out: Path) -> Path:
    """Where the JSON goes: beside the page; nowhere where the page goes to a pipe or a device."""
    if is_streamed(out):
        return NOWHERE
    beside = out.with_suffix(".json")
    if beside == out:
        raise OutputError(
            f"--out {out} is where the JSON goes; name the page, e.g. {out.with_suffix('.html')}"
        )
    return beside


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(prog="python -m pipeline.explain", description=__doc__)
    add = command.add_argument
    add(
        "images",
        nargs="+",
        type=named,
        help=f"image files, or folders (searched below), {MAX_IMAGES} images at most",
    )
    add("--bundle", type=named, default=paths.BUNDLE, help="folder of a trained model (default: %(default)s)")
    add(
        "--out",
        type=named,
        default=Path("explanation.html"),
        help="the page; the JSON lies beside it (default: %(default)s)",
    )
    add("--device", choices=["auto", "cpu", "cuda"], default="auto", help="default: %(default)s")
    add(
        "--lang",
        choices=LANGUAGES,
        default="en",
        help="which language the page shows first (default: %(default)s)",
    )
    return command


def main(arguments: Sequence[str] | None = None) -> None:
    """Explain what the command line names."""
    args = parser().parse_args(arguments)
    beside = beside_page(args.out)
    check_outputs([args.out, beside])
    files = named_files(args.images, None).files
    check_outputs([args.out, beside], inputs=inputs(files, bundle=args.bundle))
    if len(files) > MAX_IMAGES:
        raise LabelError(
            f"{len(files):,} images are named, one page holds {MAX_IMAGES}; name fewer, or score them with pipeline.predict"
        )
    bundle = load_bundle(args.bundle, pick_device(args.device))
    images, unread = explain_files(files, bundle)
    records = [
        {
            "img_name": image.name,
            "warnings": image.warnings,
            "content_credentials": asdict(image.credentials) if image.credentials else None,
        }
        | image.explanation.record()
        for image in images
    ]
    records += [{"img_name": name, "y_pred": None, "warnings": why} for name, why in unread]
    with text_output(args.out) as page, text_output(beside) as record:
        page.write(render(compose(images, unread, bundle.info), args.lang))
        record.write(json_text(records))
    where = "" if is_streamed(args.out) else f" in {readable(str(args.out))} and {readable(str(beside))}"
    sys.stderr.write(f"{len(images)} images explained{where}; {len(unread)} could not be read\n")


if __name__ == "__main__":
    run("explain")
