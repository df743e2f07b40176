"""Stage `generate`: real faces drawn again by generators, once, for nets and trees to learn from."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

from models.generators.registry import GENERATORS, GeneratorMissing
from pipeline.runtime import params, paths
from pipeline.runtime.command import run
from pipeline.samples.feature_table import read_faces
from pipeline.samples.pictures import fill, open_store, tasks_of
from pipeline.samples.variants import VariantPlan
from pipeline.storage.picture_store import mark_skipped, publish
from pipeline.storage.unmade import Unmade, refuse_if_most, write_issues


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the stage."""
    argparse.ArgumentParser(prog="python -m pipeline.generate", description=__doc__).parse_args(arguments)
    wanted, weights = params.load("variants"), Path(params.load("data").weights)
    rows, _ = read_faces(["train"])
    unmade: list[Unmade] = []
    wanted_pictures = 0
    for kind, files_of in GENERATORS.items():
        if not wanted.pseudo_fakes.get(kind):
            shutil.rmtree(paths.GENERATED / kind, ignore_errors=True)
            continue
        try:
            files = files_of(weights)
        except GeneratorMissing as reason:
            mark_skipped(paths.GENERATED / kind, reason=str(reason))
            continue
        store = open_store(kind, files)
        tasks = tasks_of(rows, kind, VariantPlan(wanted))
        lacking = fill(
            kind,
            tasks,
            store,
            files=files,
            max_pixels=params.load("manifest").max_pixels,
            compute=params.load("compute"),
        )
        publish(store, {item.row: (item.status, item.detail, item.path) for item in lacking})
        unmade += lacking
        wanted_pictures += len(tasks)
    paths.GENERATED.mkdir(exist_ok=True)
    write_issues(paths.ISSUES / "generate.csv", unmade)
    refuse_if_most("generate", unmade, rows=wanted_pictures)


if __name__ == "__main__":
    run("generate")
