"""Scores to compare, wherever they lie: prediction files, score tables, runs, DVC revisions, bundles."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import pandas as pd
import pyarrow
from dvc import api as dvc_api
from dvc.exceptions import DvcException
from scmrepo.exceptions import SCMError

from models.bundle_info import FILE
from models.errors import UserError
from pipeline.dataset.spellings import quoted
from pipeline.runtime import paths
from pipeline.serving.containers import Packed
from pipeline.serving.inputs import named_files
from pipeline.serving.paired_scores import FACTS, Asked, val_rows
from pipeline.serving.prediction_rows import BY_MODEL, PredictionRow
from pipeline.serving.scoring import stream_rows
from pipeline.storage.file_names import storable

SCORE_COLUMNS = ("score", "y_pred")
WAYS = (
    "a file of scores (img_name,y_pred), a cache/scores.parquet, the folder of a run, the folder of a bundle, or a revision "
    "or experiment of DVC"
)


def read_scores(name: str, asked: Asked) -> pd.DataFrame:
    """Scores of images that the model was not trained on.

    Parameters
    ----------
    name : str
        One of `WAYS`.
    asked : Asked

    Returns
    -------
    DataFrame
        Columns img_name and score, and those of `FACTS` that the scores came with; a row an image.

    Raises
    ------
    UserError
        Where there are no scores under this name, or not in this form.
    """
    scores = _found(name, asked)
    if scores.empty:
        raise UserError(
            f"{name} holds no scores: no image was scored that a model was not trained on; name {WAYS}"
        )
    return scores


def _found(name: str, asked: Asked) -> pd.DataFrame:
    path = Path(name)
    if path.is_file():
        return _one_row_each(_read_file(path), name)
    if path.is_dir():
        if (path / FILE).is_file():
            return _by_bundle(path, asked)
        if (path / paths.SCORES).is_file():
            return _one_row_each(_read_file(path / paths.SCORES), name)
        raise UserError(f"{name} holds neither {FILE} nor {paths.SCORES}; name {WAYS}")
    return _one_row_each(_of_revision(name), name)


def _read_file(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return _of_table(path.read_bytes(), str(path))
    try:
        # Nothing is missing: an image may be named NA or null. Columns of pandas' own strings hold no bytes that are not UTF-8.
        table = pd.read_csv(
            path, dtype={"img_name": object}, keep_default_na=False, encoding_errors="surrogateescape"
        )
    except (ValueError, UnicodeError) as error:
        raise UserError(
            f"{path} is no table of scores: {error}; it needs the columns img_name,y_pred"
        ) from None
    if not isinstance(table.index, pd.RangeIndex):  # pandas would take the first field for no column at all
        raise UserError(
            f"{path} line 2 has more fields than the header; put a name that has commas in double quotes"
        )
    found = [column for column in SCORE_COLUMNS if column in table.columns]
    if "img_name" not in table.columns or not found:
        raise UserError(
            f"{path} has the columns {', '.join(map(str, table.columns[:8]))}; it needs img_name and y_pred"
        )
    names, numbers = table["img_name"].map(storable), table[found[0]]
    if (names == "").any():
        raise UserError(
            f"{path} line {_line(names == '')}: img_name is empty; each score needs the name of its image"
        )
    scores = pd.to_numeric(numbers, errors="coerce").astype(float)
    wrong = ~scores.between(0, 1)
    if wrong.any():
        raise UserError(
            f"{path} line {_line(wrong)}: {found[0]} is {quoted(str(numbers[wrong].iloc[0]))}, allowed are probabilities from 0 "
            "to 1"
        )
    return pd.DataFrame({"img_name": names, "score": scores})


def _line(wrong: pd.Series) -> int:
    """Line of the first row that is wrong."""
    return int(wrong.to_numpy().argmax()) + 2


def _of_table(content: bytes, where: str) -> pd.DataFrame:
    """The val rows of a scores.parquet."""
    try:
        table = pd.read_parquet(BytesIO(content))
        rows = table[~table["fold_out"] & table["score"].notna()]
        return rows[["img_name", "score", *(fact for fact in FACTS if fact in rows)]].reset_index(drop=True)
    except (KeyError, ValueError, pyarrow.ArrowException):
        raise UserError(
            f"{where} is no {paths.SCORES} of a run; run `dvc repro` again, or name {WAYS}"
        ) from None


def _of_revision(name: str) -> pd.DataFrame:
    """The scores that DVC keeps of a revision or an experiment of this repository."""
    try:
        with dvc_api.open(str(paths.SCORES), rev=name, mode="rb") as stream:
            return _of_table(stream.read(), f"{paths.SCORES} of {name}")
    except (DvcException, SCMError, FileNotFoundError) as error:
        raise UserError(
            f"'{name}' is no file or folder, and DVC has no {paths.SCORES} of it ({error}); name {WAYS}"
        ) from None


def _by_bundle(folder: Path, asked: Asked) -> pd.DataFrame:
    """Scores of the listed images, or without a list of this run's val, by a bundle; what it cannot read is left out."""
    facts = None
    if asked.images is not None:
        files: Sequence[tuple[str, str | Packed]] = named_files([asked.images], asked.labels).readable
    else:
        facts = val_rows()
        files = list(zip(facts["img_name"], facts["path"], strict=True))
    scored_files = stream_rows(files, folder=folder, device=asked.device)
    rows: list[PredictionRow] = [row for of_file in scored_files for row in of_file]
    known = [row for row in rows if row.source == BY_MODEL]
    scored = pd.DataFrame(
        {"img_name": [storable(row.name) for row in known], "score": [row.score for row in known]}
    )
    if facts is None:
        return scored
    return scored.merge(facts[["img_name", *FACTS]], on="img_name")


def _one_row_each(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    again = rows["img_name"][rows["img_name"].duplicated()]
    if len(again):
        raise UserError(f"{name}: {again.iloc[0]} has {len(again) + 1} rows; keep one row for each image")
    return rows
