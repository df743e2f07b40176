"""What is needed to build and feed a net, and the record `net.json` that keeps it beside saved weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from models.cpu_engine import Precision
from models.errors import UserError
from models.nets.model_args import CheckedArgs

Input = Literal["rgb", "npr", "highpass"]
RECORD = "net.json"
MODEL_NAME = r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)?$"  # timm's own names: no `hf-hub:`, no path
MAX_SIZE, MAX_MEMBERS = 2048, 100
REMEDY = "copy the folder again, or make the net again with `dvc repro`"


class NetError(UserError):
    """A saved net that cannot be used; the message names the file and says what to do."""


@dataclass(frozen=True)
class NetSpec:
    """What is needed to build and feed a net.

    Attributes
    ----------
    model : str
        Name of a timm model.
    model_args : dict
        Further keyword arguments of `timm.create_model`, of those that `ModelArgs` lets through.
    input : {'rgb', 'npr', 'highpass'}
        What `InputTransform` makes of the pixels.
    crop : {'aligned', 'native'}
        A similarity warp to size × size, or an un-resampled window.
    size : int
        Side of the input, px.
    mean, std : tuple of 3 floats
        Of the channels R, G, B, scaled to [0, 1].
    origin : str
        Where the first weights came from, as reports state it.
    heads : tuple of str
        What each logit (log-odds of fake) tells from real faces, e.g. `labelled`, `blend`. Without any, the
        outputs are the backbone's pooled features.
    normalise : bool
        Whether the classifier sees pooled features of length 1, see `UnitLinear`.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", allow_inf_nan=False)

    model: Annotated[str, Field(pattern=MODEL_NAME)]
    model_args: CheckedArgs
    input: Input
    crop: Literal["aligned", "native"]
    size: Annotated[int, Field(ge=1, le=MAX_SIZE)]
    mean: Annotated[tuple[float, ...], Field(min_length=3, max_length=3)]
    std: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=3, max_length=3)]
    origin: str
    heads: tuple[str, ...] = ()
    normalise: bool = False


@dataclass(frozen=True, kw_only=True)
class NetRecord(NetSpec):
    """A saved net as `net.json` has it: what it is, and how it is run.

    Attributes
    ----------
    members : int
        Nets of this make in the folder, `member0.safetensors` and so on; a row is their mean.
    mirror : bool
        Whether a row of logits is also the mean over the picture and its mirror image.
    precision : {'f32', 'bf16'}
        What the stored rows were computed in.
    """

    members: Annotated[int, Field(ge=1, le=MAX_MEMBERS)]
    mirror: bool
    precision: Precision

    @property
    def spec(self) -> NetSpec:
        """The record without how the net is run."""
        return NetSpec(**{field.name: getattr(self, field.name) for field in fields(NetSpec)})


_RECORD = TypeAdapter(NetRecord)


def member_file(folder: Path, index: int) -> Path:
    """File of the weights of one member of a saved net."""
    return folder / f"member{index}.safetensors"


def write_record(
    folder: Path, spec: NetSpec, *, members: int, mirror: bool = True, precision: Precision = "f32"
) -> None:
    """Write `net.json`.

    Parameters
    ----------
    folder : Path
        Where the weights lie, as `member_file` names them.
    spec : NetSpec
    members : int
        How many there are.
    mirror, precision
        As of `NetRecord`.
    """
    record = {**asdict(spec), "members": members, "mirror": mirror, "precision": precision}
    text = json.dumps(record, indent=2)
    (folder / RECORD).write_text(text, encoding="utf-8")


def read_record(folder: Path, *, read: Callable[[Path], bytes] = Path.read_bytes) -> NetRecord:
    """Read `net.json` and check it, key by key.

    Parameters
    ----------
    folder : Path
        Of a saved net.
    read : callable
        The bytes of a file; a bundle's checks their hash.

    Returns
    -------
    NetRecord

    Raises
    ------
    NetError
        Where the file is missing, no JSON, or says something that a net cannot be built from.
    """
    path = folder / RECORD
    try:
        return _RECORD.validate_json(read(path))
    except FileNotFoundError:
        raise NetError(f"{path} is missing, so the net there cannot be read; {REMEDY}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise NetError(f"{path} is damaged: {where}: {first['msg']}; {REMEDY}") from None
