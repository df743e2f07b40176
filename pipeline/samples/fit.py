"""A stacker from a table of rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.errors import UserError
from models.stacker.stacker import Stacker
from models.stacker.training import fit
from pipeline.runtime import paths
from pipeline.runtime.params import Train
from pipeline.samples.feature_table import Table


def fit_table(
    table: Table,
    options: Train,
    *,
    columns: Sequence[str] | None = None,
    kinds: NDArray[np.str_] | None = None,
) -> Stacker:
    """The stacker of a table's rows and their variants.

    Parameters
    ----------
    table : Table
    options : Train
    columns : sequence of str, optional
        All without it.
    kinds : str array, shape (n,), optional
        What each row is; the table's own without it.

    Raises
    ------
    UserError
        As of `fit`; it says too how many images the table lacks.
    """
    try:
        return fit(
            table.features if columns is None else table.features[list(columns)],
            table.rows["target"].to_numpy(np.int64),
            table.rows["group"].to_numpy(str),
            sources=table.rows["source"].to_numpy(str),
            kinds=table.rows["kind"].to_numpy(str) if kinds is None else kinds,
            is_original=table.originals,
            partner_of=table.rows["partner_of"].to_numpy(str),
            logits=table.columns_of("net"),
            options=options,
        )
    except UserError as error:
        if not table.left_out:
            raise
        images = len(table.left_out)
        raise UserError(
            f"{error}. {images} image{'s are' if images > 1 else ' is'} left out, which {paths.ISSUES} names: put the files back "
            "and run `dvc repro`"
        ) from None
