"""Rows and their features, joined from the manifest, the faces and the blocks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.views import face_numbers
from pipeline.runtime import params
from pipeline.samples.variants import ORIGINAL, expand
from pipeline.storage.face_schema import FOLDER as FACES
from pipeline.storage.feature_store import FEATURES, NotMadeError, Store, open_current

FACE_BLOCK = {"face": ["face.found", "face.prob"]}
NONE = params.Variants(degraded=0, pseudo_fakes={})


@dataclass(frozen=True)
class Table:
    """Usable images and their numbers, one row each, in manifest order; variants follow their image.

    rows : manifest columns, `found`, `n_faces`, `prob`, `key`, `variant`, `kind`. features : float32, columns
    `block.column`. blocks : columns of each block. skipped : reason by block.
    """

    rows: pd.DataFrame
    features: pd.DataFrame
    blocks: dict[str, list[str]]
    skipped: dict[str, str]

    @property
    def originals(self) -> NDArray[np.bool_]:
        """Which rows are images as they are, not variants. (n,)"""
        return (self.rows["variant"] == ORIGINAL).to_numpy()

    def take(self, mask: NDArray[np.bool_]) -> Table:
        """The rows where `mask` holds."""
        return replace(
            self,
            rows=self.rows[mask].reset_index(drop=True),
            features=self.features[mask].reset_index(drop=True),
        )


def read_faces(splits: Sequence[str] | None = None) -> tuple[pd.DataFrame, NDArray[np.float32]]:
    """Readable images of the splits, all when None, and their face rows, float32 (n, 17).

    The frame has the manifest's columns and `key`, the address of everything cut from that face.
    """
    manifest = pd.read_parquet("cache/manifest.parquet")
    rows = manifest[manifest["status"] == "ok"]
    rows = rows if splits is None else rows[rows["split"].isin(splits)]
    store = open_current(FACES)
    if isinstance(store, str):
        raise NotMadeError(f"faces were left out: {store}")
    values, detail = store.read(rows["sha256"].tolist())
    readable = np.array([not why for why in detail], dtype=bool)
    rows, values = rows[readable].reset_index(drop=True), values[readable]
    keys = [
        hashlib.blake2b(sha.encode() + face.tobytes(), digest_size=16).hexdigest()
        for sha, face in zip(rows["sha256"], values, strict=True)
    ]
    return rows.assign(key=keys, found=values[:, 0], n_faces=values[:, 1], prob=values[:, 2]), values


def block_folder(name: str) -> Path:
    """Folder of a block: the spectral ones share their stage's folder."""
    return FEATURES / name if name.startswith(("embed_", "net_")) else FEATURES / "spectral" / name


def block_names(
    spectral: params.Spectral, embed: params.Embed, finetune: params.Finetune, train: params.Train
) -> list[str]:
    """Blocks that these sections ask for, `face` first. ParamsError for an unknown one in train.blocks."""
    made = [
        "face",
        *spectral.blocks,
        *(f"embed_{name}" for name in embed.backbones),
        *(f"net_{name}" for name in finetune.nets),
    ]
    unknown = [name for name in train.blocks or [] if name not in made]
    if unknown:
        raise params.ParamsError(
            f"params.yaml: key 'train.blocks' names {', '.join(unknown)}; made are {', '.join(made)}"
        )
    return list(train.blocks or made)


def read_table(splits: Sequence[str], names: Sequence[str], *, variants: params.Variants = NONE) -> Table:
    """Features of the named blocks for the readable images of these splits and their variants.

    Train rows of a fine-tuned net come from the net that never saw them; train images that every net
    saw are left out. Raises KeyError when a row is missing in a store, NotMadeError when a stage has
    not run.
    """
    rows, _ = expand(*read_faces(splits), variants)
    stores: dict[str, Store | None] = {}  # None: the face's own numbers, which have no store
    skipped: dict[str, str] = {}
    for name in names:
        store = None if name == "face" else open_current(block_folder(name))
        if isinstance(store, str):
            skipped[name] = store
        else:
            stores[name] = store
    blocks = {name: list(store.columns if store else FACE_BLOCK["face"]) for name, store in stores.items()}
    columns = [column for block in blocks.values() for column in block]
    values = np.empty((len(rows), len(columns)), np.float32)  # filled block by block: one copy of the table
    start = 0
    for name, store in stores.items():
        end = start + len(blocks[name])
        values[:, start:end] = _read_block(name, store, rows)
        start = end
    table = Table(rows, pd.DataFrame(values, columns=columns, copy=False), blocks, skipped)
    nets = [column for column in columns if column.startswith("net_")]
    seen = (rows["split"] == "train").to_numpy() & table.features[nets].isna().any(axis=1).to_numpy()
    return table.take(~seen) if seen.any() else table


def _read_block(name: str, store: Store | None, rows: pd.DataFrame) -> NDArray[np.float32]:
    if store is None:
        return face_numbers(rows["found"].to_numpy(np.float32), rows["prob"].to_numpy(np.float32))
    return store.read(net_keys(rows) if name.startswith("net_") else rows["key"].tolist())[0]


def net_keys(rows: pd.DataFrame) -> list[str]:
    """Keys of fine-tuned rows: those of train say so, because their fold decides the number."""
    return [
        f"{key}-train" if split == "train" else key
        for key, split in zip(rows["key"], rows["split"], strict=True)
    ]
