"""Stage audit: do the classes differ in something that has nothing to do with faces?

Reads cache/manifest.parquet and the images; writes reports/audit.json with a verdict,
findings (red, amber, unknown, ok), and the figures behind them, and reports/audit.html, which shows near-duplicates and people
that lie in two splits side by side. Three small models see only file history
(size in pixels, JPEG tables, container, EXIF), only byte counts, or only brightness, contrast and
sharpness of the train images; single values that one class alone has are named; and the files of val and test
are compared with those of train.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.dataset.findings import audit
from pipeline.dataset.manifest_rows import build
from pipeline.dataset.manifest_summary import left_out
from pipeline.dataset.people import people
from pipeline.reporting import pairs_page
from pipeline.reporting.rendering import render
from pipeline.runtime import params
from pipeline.runtime.command import run
from pipeline.runtime.engine import Engine
from pipeline.runtime.paths import AUDIT, AUDIT_PAGE, CACHE, ISSUES, MANIFEST
from pipeline.samples.feature_table import read_faces
from pipeline.storage.files import appearing, write_json
from pipeline.storage.outputs import check_outputs, text_output
from pipeline.storage.unmade import Unmade, write_issues


def of_folder(root: Path) -> tuple[dict[str, Any], list[str]]:
    """Audit a data set that no stage has read.

    Parameters
    ----------
    root : Path
        With the lists, as `data.root` of the parameters names it.

    Returns
    -------
    dict
        As of `audit`.
    list of str
        What a person should know of images and lists that were left out, a line each.

    Raises
    ------
    LabelError
        When the data set cannot be used as a whole.
    """
    data = params.Data.model_validate({"root": str(root)})
    manifest = params.Manifest.model_validate({"calibration": 0})
    compute = params.Compute.model_validate({})
    known = CACHE / "audited_files"  # the pipeline's own table may be of another data set
    rows, origin = build(data, manifest, compute, known=known)
    report, unmade = audited(rows, {}, params.Faces.model_validate({}), engine=compute.engine())
    changed = [f"{item.path} is left out as {item.status}: {item.detail}" for item in unmade]
    return report, [*left_out(rows), *changed, *origin["warnings"]]


def audited(
    rows: pd.DataFrame, faces: Mapping[str, NDArray[np.float32]], search: params.Faces, *, engine: Engine
) -> tuple[dict[str, Any], list[Unmade]]:
    """Audit a manifest, people included; as `findings.audit` and `people.people`."""
    rows = rows.assign(split=rows["split"].replace("calibration", "train"))  # of the same list
    seen = people(rows, faces=faces, options=search.model_dump(), engine=engine)
    return audit(rows, people=seen, engine=engine)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(
        prog="python -m pipeline.audit",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = command.add_argument
    add("--data", type=Path, help="a data set to look at before any stage has run: what is found is printed")
    add(
        "--out",
        type=Path,
        default=Path("audit.html"),
        help="with --data: the page with the pairs of images that were found (default: %(default)s)",
    )
    return command


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the stage, or with --data look at a data set."""
    args = parser().parse_args(arguments)
    if args.data is not None:
        check_outputs([args.out])
        report, notes = of_folder(args.data)
        with text_output(args.out) as page:
            page.write(render(pairs_page.compose(report)))
        for finding in report["findings"]:
            print(f"{finding['level']:9}{finding['text']}")
        sys.stderr.writelines(f"warning: {note}\n" for note in notes)
        return
    compute, search = params.load("compute"), params.load("faces")
    read, geometry = read_faces()
    faces = dict(zip(read["sha256"], geometry, strict=True))
    report, unmade = audited(pd.read_parquet(MANIFEST), faces, search, engine=compute.engine())
    write_json(AUDIT, report)
    with appearing(AUDIT_PAGE) as part:
        part.write_text(render(pairs_page.compose(report)), encoding="utf-8")
    write_issues(ISSUES / "audit.csv", unmade)


if __name__ == "__main__":
    run("audit")
