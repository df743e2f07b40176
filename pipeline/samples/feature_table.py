"""Rows and their features, joined from the manifest, the faces and the blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.views import face_numbers
from models.bundle_info import BlockInfo, BlockSort
from pipeline.runtime import params, paths
from pipeline.samples.variants import ORIGINAL, VariantPlan, expand
from pipeline.storage.feature_store import SkippedError, Store, open_current
from pipeline.storage.files import made
from pipeline.storage.row_key import RowKey

FACE_BLOCK = "face"
FACE_COLUMNS = ["face.found", "face.prob"]
SEEN_BY_EVERY_NET = "every net was trained on it"  # so that no honest logit of it exists
NO_VARIANTS = VariantPlan(params.Variants(degraded=0, pseudo_fakes={}))


@dataclass(frozen=True)
class Table:
    """Usable images and their numbers, one row each, in manifest order; variants follow their image.

    Parameters
    ----------
    rows : DataFrame
        The manifest's columns, `found`, `n_faces`, `prob`, `key`, `variant`, `kind`, `partner_of`.
    features : DataFrame
        float32, columns `block.column`.
    blocks : dict
        Sort and columns of each block.
    skipped : dict
        Reason by block, of those that were left out.
    left_out : dict
        Reason by hash of the file, of images that lack a row here: they or their variants could not be made.
    """

    rows: pd.DataFrame
    features: pd.DataFrame
    blocks: dict[str, BlockInfo]
    skipped: dict[str, str]
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def originals(self) -> NDArray[np.bool_]:
        """Which rows are images as they are, not variants, (n,)."""
        return (self.rows["variant"] == ORIGINAL).to_numpy()

    def columns_of(self, *sorts: BlockSort) -> list[str]:
        """Columns of the blocks of these sorts."""
        return [column for block in self.blocks.values() if block.sort in sorts for column in block.columns]

    def take(self, mask: NDArray[np.bool_]) -> Table:
        """The rows where `mask` holds."""
        return replace(
            self,
            rows=self.rows[mask].reset_index(drop=True),
            features=self.features[mask].reset_index(drop=True),
        )


def read_faces(splits: Sequence[str] | None = None) -> tuple[pd.DataFrame, NDArray[np.float32]]:
    """Readable images of the splits, all when None, and their rows of the face table.

    Returns
    -------
    DataFrame
        The manifest's columns and `key`, the address of everything cut from that face, `found`, `n_faces`, `prob`.
    float32 array, shape (n, 17)
    """
    rows, values, reasons = _stored_faces(splits)
    readable = np.array([not reason for reason in reasons], dtype=bool)
    rows, values = rows[readable].reset_index(drop=True), values[readable]
    keys = [str(RowKey.of_face(*pair)) for pair in zip(rows["sha256"], values, strict=True)]
    return rows.assign(key=keys, found=values[:, 0], n_faces=values[:, 1], prob=values[:, 2]), values


def _stored_faces(splits: Sequence[str] | None) -> tuple[pd.DataFrame, NDArray[np.float32], list[str]]:
    """Usable rows of the manifest, their rows of the face table, and why one has none."""
    manifest = pd.read_parquet(made(paths.MANIFEST))
    rows = manifest[manifest["status"] == "ok"]
    rows = rows if splits is None else rows[rows["split"].isin(splits)]
    return rows, *open_current(paths.FACES).read(rows["sha256"].tolist())


def block_folder(name: str, sort: BlockSort) -> Path:
    """Folder of a block: the spectral ones share their stage's folder."""
    return paths.FEATURES / "spectral" / name if sort == "spectral" else paths.FEATURES / name


def wanted_blocks(
    spectral: params.Spectral, embed: params.Embed, finetune: params.Finetune, train: params.Train
) -> dict[str, BlockSort]:
    """Sort of each block that these sections ask for.

    Parameters
    ----------
    spectral, embed, finetune : params.Spectral, params.Embed, params.Finetune
        The blocks that there are, beside `face`.
    train : params.Train
        Its `blocks` names those that are wanted; all where it names none.

    Returns
    -------
    dict
        Name to sort, in the order of `train.blocks`, or `face` first where it names none.

    Raises
    ------
    ParamsError
        For an unknown block in train.blocks.
    """
    sorts: dict[str, BlockSort] = {FACE_BLOCK: "face"}
    sorts |= dict.fromkeys(spectral.blocks, "spectral")
    sorts |= {f"embed_{name}": "embedding" for name in embed.backbones}
    sorts |= {f"net_{name}": "net" for name in finetune.nets}
    unknown = [name for name in train.blocks or [] if name not in sorts]
    if unknown:
        raise params.ParamsError(
            f"params.yaml: key 'train.blocks' names {', '.join(unknown)}; made are {', '.join(sorts)}"
        )
    return {name: sorts[name] for name in train.blocks or sorts}


def read_table(
    splits: Sequence[str], blocks: Mapping[str, BlockSort], *, variants: VariantPlan = NO_VARIANTS
) -> Table:
    """Features of the named blocks for the readable images of these splits and their variants.

    Train rows of a fine-tuned net come from the net that never saw them. A row that one of the blocks could not make
    is left out, as are train images that every net saw.

    Parameters
    ----------
    splits : sequence of str
    blocks : mapping
        Name to sort, as `wanted_blocks` or a bundle's record says.
    variants : VariantPlan
        Further rows of train images.

    Raises
    ------
    KeyError
        A row is missing in a store.
    NotMadeError
        A stage has not run.
    """
    rows, _ = expand(*read_faces(splits), variants)
    stores, skipped = _open(blocks)
    infos = {
        name: BlockInfo(sort=sort, columns=list(stores[name].columns) if name in stores else FACE_COLUMNS)
        for name, sort in blocks.items()
        if name not in skipped
    }
    columns = [column for block in infos.values() for column in block.columns]
    values = np.empty((len(rows), len(columns)), np.float32)  # filled block by block: one copy of the table
    reasons = np.full(len(rows), "", dtype=object)
    start = 0
    for name, block in infos.items():
        end = start + len(block.columns)
        values[:, start:end], why = _read_block(block.sort, stores.get(name), rows)
        reasons = np.where(reasons == "", why, reasons)
        start = end
    features = pd.DataFrame(values, columns=columns, copy=False)
    table = Table(rows, features, infos, skipped, _left_out(splits, rows, reasons))
    return table if (reasons == "").all() else table.take(reasons == "")


def _open(blocks: Mapping[str, BlockSort]) -> tuple[dict[str, Store], dict[str, str]]:
    """The stores of blocks, and why others were left out."""
    stores: dict[str, Store] = {}
    skipped: dict[str, str] = {}
    for name, sort in blocks.items():
        try:
            if sort != "face":  # the face's own numbers stand in the rows
                stores[name] = open_current(block_folder(name, sort))
        except SkippedError as reason:
            skipped[name] = str(reason)
    return stores, skipped


def _left_out(splits: Sequence[str], rows: pd.DataFrame, reasons: NDArray[np.object_]) -> dict[str, str]:
    """Why images lack a row, by hash of the file: no face could be looked for, or a block could not be made."""
    listed, _, why = _stored_faces(splits)
    by_file = {sha256: reason for sha256, reason in zip(listed["sha256"], why, strict=True) if reason}
    for sha256, reason in zip(rows["sha256"], reasons, strict=True):
        if reason not in ("", SEEN_BY_EVERY_NET):
            by_file.setdefault(sha256, reason)
    return by_file


def _read_block(
    sort: BlockSort, store: Store | None, rows: pd.DataFrame
) -> tuple[NDArray[np.float32], NDArray[np.object_]]:
    """Values of a block, and why a row has none, empty where it has."""
    if store is None:
        values = face_numbers(rows["found"].to_numpy(np.float32), rows["prob"].to_numpy(np.float32))
        return values, np.full(len(rows), "", dtype=object)
    keys = [str(key) for key in net_keys(rows)] if sort == "net" else rows["key"].tolist()
    values, reasons = store.read(keys)
    return values, np.array(reasons, dtype=object)


def net_keys(rows: pd.DataFrame) -> list[RowKey]:
    """Keys of fine-tuned rows: those of train images are out of fold."""
    keys = [RowKey.parse(key) for key in rows["key"]]
    return [key.unseen() if split == "train" else key for key, split in zip(keys, rows["split"], strict=True)]
