"""Rows of a saved net for many images: what `embed` and `finetune` share."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from features.views import plan_crop
from models.bundle_info import BlockSort
from models.cpu_engine import Precision, PrecisionError, pick_precision
from models.nets.checkpoints import Checkpoint
from models.nets.crops import crop_for
from models.nets.face_net import FaceNet, save_graphs
from models.nets.net_spec import NetSpec, member_file, write_record
from pipeline.runtime import params, paths
from pipeline.runtime.engine import folder_fingerprint
from pipeline.runtime.process import limit_threads, pick_device
from pipeline.samples.feature_table import block_folder
from pipeline.samples.variants import Item
from pipeline.storage.feature_store import mark_skipped
from pipeline.storage.files import link_or_copy, write_json
from pipeline.storage.unmade import write_issues


@dataclass(frozen=True)
class NetExtractor:
    """The outputs of a saved net for each row.

    Parameters
    ----------
    folder : Path
        Where the net was saved.
    member : int or None
        Which of its nets, the mean of all for None.
    options : params.Faces
    max_pixels : int
    device : {"auto", "cpu", "cuda"}
    precision : {"f32", "bf16"}
        Of every row.
    """

    folder: Path
    member: int | None
    options: params.Faces
    max_pixels: int
    device: str
    precision: Precision
    images_per_batch: int = 32

    def start(self) -> None:
        """Prepare this process."""
        limit_threads(0 if pick_device(self.device) != "cpu" else 1)

    @property
    def net(self) -> FaceNet:
        """The net, read once in a process as long as its files stay the same.

        Raises
        ------
        PrecisionError
            Where this process cannot run it as its other rows are computed: a worker with another processor.
        """
        net = load_net(self.folder, pick_device(self.device), self.member)
        if net.precision != self.precision:
            raise PrecisionError(
                f"{self.folder}: a worker runs this net in {net.precision}, but its rows are computed in {self.precision}; "
                "set compute.precision to f32"
            )
        return net

    def read(self, item: Item) -> NDArray[np.uint8]:
        """The net's picture of the face, uint8 (size, size, 3), RGB. Raises BadImage, ChangedFile where it is the file alone."""
        pixels, face = item.read(max_pixels=self.max_pixels)
        height, width = pixels.shape[:2]
        crop = plan_crop(face, height=height, width=width, **self.options.cuts())
        return crop_for(self.net.spec, pixels, crop)

    def compute(
        self, inputs: Sequence[NDArray[np.uint8]], blocks: Sequence[str]
    ) -> dict[str, NDArray[np.float32]]:
        """Outputs of the net, float32 (n, width)."""
        return dict.fromkeys(blocks, self.net(inputs))


def net_precision(compute: params.Compute) -> Precision:
    """What nets compute in on this machine. Raises PrecisionError where that is asked for and not there."""
    return pick_precision(compute.precision, device=pick_device(compute.device))


def net_spec(net: params.Backbone | params.Net, checkpoint: Checkpoint) -> NetSpec:
    """How the net of an entry of params.yaml is built and fed: a fine-tuned one with a logit for each head."""
    tuned = net if isinstance(net, params.Net) else None
    return NetSpec(
        model=net.model,
        model_args=checkpoint.model_args,
        input=net.input,
        crop=tuned.crop if tuned else "aligned",
        size=net.size or checkpoint.size,
        mean=checkpoint.mean,
        std=checkpoint.std,
        origin=checkpoint.origin,
        heads=tuple(tuned.heads) if tuned else (),
        normalise=tuned.normalise if tuned else False,
    )


def load_net(folder: Path, device: str, member: int | None) -> FaceNet:
    """A saved net, read once in a process as long as its files stay the same.

    Parameters
    ----------
    folder : Path
        Where the net was saved.
    device : str
        A torch device.
    member : int or None
        Which of its nets, all of them for None.

    Returns
    -------
    FaceNet

    Raises
    ------
    NetError
        Where a file is missing, damaged or of another net.
    """
    return _read_net(folder, device, member, folder_fingerprint(folder))


@lru_cache(maxsize=4)
def _read_net(folder: Path, device: str, member: int | None, _: object) -> FaceNet:
    return FaceNet.load(folder, device=device, member=member)


def save_net(
    folder: Path, spec: NetSpec, weights: Sequence[Path], *, mirror: bool, precision: Precision
) -> None:
    """A finished net as a folder of its own; its weights lie once, under two names.

    Parameters
    ----------
    folder : Path
        Replaced where it is there.
    spec : NetSpec
    weights : sequence of Path
        One for each member.
    mirror, precision
        As of `NetRecord`.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for index, path in enumerate(weights):
        link_or_copy(path, member_file(folder, index))
    write_record(folder, spec, members=len(weights), mirror=mirror, precision=precision)
    save_graphs(folder)


def skip_net(name: str, *, reason: str) -> None:
    """As `skip_block`, for a net that would have been fine-tuned; its runs are removed too."""
    skip_block(f"net_{name}", "net", reason=reason)
    shutil.rmtree(paths.FINETUNE / name, ignore_errors=True)
    (paths.FINETUNE / name).mkdir(parents=True)


def skip_block(block: str, sort: BlockSort, *, reason: str) -> None:
    """Say that this block and its net are not made, and why; what an earlier run made of them is removed.

    Parameters
    ----------
    block : str
        Name of the block.
    sort : {"face", "spectral", "embedding", "net"}
        What computes it.
    reason : str
        In words, for whoever asks for the block.
    """
    folder = paths.NETS / block
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_json(folder / "skipped.json", {"reason": reason})
    mark_skipped(block_folder(block, sort), reason=reason)
    write_issues(paths.ISSUES / f"{block}.csv", [])
