"""What each expert and each net of a run finds of forgeries: `python -m benchmarks.quality.experts --work SCRATCH`, in its folder.

AUC of real faces against each family of `families`, as they are and after another size and a lossy file: of the score, of each
expert's ratio, and of each net's logits (mean of its members). What is measured is kept in SCRATCH.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from benchmarks.quality import families
from benchmarks.quality import rows as data
from benchmarks.quality.conditions import FORGED, U8
from benchmarks.quality.forgery_tables import areas
from benchmarks.quality.rows import pictures
from benchmarks.quality.runs import over_chunks
from models.bundle import Bundle
from models.bundle_info import FILE
from pipeline.runtime import params, paths
from pipeline.runtime.process import limit_threads
from pipeline.serving.bundles import load_bundle
from pipeline.storage.feature_store import version_of
from pipeline.storage.files import appearing

SCORE = "score"


def opinions(bundle: Bundle, pixels: Sequence[U8]) -> pd.DataFrame:
    """Score, each expert's ratio (`expert KIND`) and each net's logits of some pictures, a row each."""
    features, _ = bundle.features(pixels)
    predictions = bundle.predict(features)
    said = {f"expert {kind}": [p.log_likelihood_ratios[kind] for p in predictions] for kind in bundle.kinds}
    nets = [column for block in bundle.info.blocks_of("net").values() for column in block.columns]
    return pd.DataFrame({SCORE: [p.score for p in predictions], **said}).join(
        features[nets].reset_index(drop=True)
    )


def opinions_of(rows: pd.DataFrame, *, bundle: Path, condition: str) -> pd.DataFrame:
    """The same of a chunk of rows, whose face is looked for in the changed pixels."""
    limit_threads(1)
    return opinions(load_bundle(bundle, "cpu"), pictures(rows, condition))


def table(measured: Sequence[pd.DataFrame]) -> Iterator[str]:
    """Markdown. measured : rows of `families.write` with what was said of them, a frame for each condition."""
    columns = list(measured[0].columns[measured[0].columns.get_loc(SCORE) :])
    by_column = [[areas(frame.assign(score=frame[name])) for frame in measured] for name in columns]
    names = list(by_column[0][0])
    yield "| | " + " | ".join(names) + " |"
    yield "|---" * (len(names) + 1) + "|"
    for column, values in zip(columns, by_column, strict=True):
        cells = [", ".join(f"{of_condition[name]:.3f}" for of_condition in values) for name in names]
        yield f"| {column} | " + " | ".join(cells) + " |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality.experts", description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for pictures and what is measured")
    work = parser.parse_args(arguments).work
    settings = params.load("data")
    forged = families.write(
        work / "forgeries", data.read(Path(settings.root)), weights=Path(settings.weights)
    )
    bundle = paths.BUNDLE.resolve()
    made_of = version_of({"bundle": (bundle / FILE).read_text(encoding="utf-8")})
    measured = []
    for condition in FORGED:
        kept = work / "experts" / made_of / f"{condition}.parquet"
        if not kept.is_file():
            said = over_chunks(
                partial(opinions_of, bundle=bundle, condition=condition), forged, describe=condition
            )
            with appearing(kept) as part:
                forged.join(pd.concat(said, ignore_index=True)).to_parquet(part, index=False)
        measured.append(pd.read_parquet(kept))
    print("\n".join(table(measured)))


if __name__ == "__main__":
    main()
