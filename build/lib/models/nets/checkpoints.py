"""The first weights of a timm net, read from where they lie, and what the checkpoint says about its input."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Annotated, Any

import timm
import torch
from huggingface_hub import constants, hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, HFValidationError, HTTPError
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file

from models.bundle_info import sha256
from models.nets import packaged
from models.nets.locations import HUB_FILE, OnHub, locate
from models.nets.model_args import CheckedArgs
from models.nets.net_spec import MAX_SIZE
from models.nets.packaged import Installed, WeightsError

DEFAULT_SIZE = 224
DEFAULT_MEAN = (0.5, 0.5, 0.5)
DEFAULT_STD = (0.5, 0.5, 0.5)


@dataclass(frozen=True)
class Checkpoint:
    """Initial weights of a net.

    Attributes
    ----------
    state : dict of str to tensor, or None
        None: the net starts from scratch.
    origin : str
        Where they came from, as report and bundle state it.
    model_args : dict
        Keyword arguments of `timm.create_model`, of those that `ModelArgs` lets through.
    size : int
        Side of the input, px.
    mean, std : tuple of 3 floats
        Of the channels R, G, B, scaled to [0, 1].
    """

    state: dict[str, torch.Tensor] | None
    origin: str
    model_args: dict[str, Any] = field(default_factory=dict)
    size: int = DEFAULT_SIZE
    mean: tuple[float, ...] = DEFAULT_MEAN
    std: tuple[float, ...] = DEFAULT_STD


class _Facts(BaseModel):
    """The .json beside a checkpoint."""

    model_config = ConfigDict(protected_namespaces=(), allow_inf_nan=False)

    model_args: CheckedArgs = {}
    input_size: Annotated[int, Field(ge=1, le=MAX_SIZE)] = DEFAULT_SIZE
    mean: tuple[float, float, float] = DEFAULT_MEAN
    std: tuple[PositiveFloat, PositiveFloat, PositiveFloat] = DEFAULT_STD


def require_model(model: str) -> None:
    """Refuse a model that timm does not have.

    Parameters
    ----------
    model : str
        A name, with or without the tag of its weights: `resnet50`, `resnet50.a1_in1k`.

    Raises
    ------
    WeightsError
        With the names that are nearest.
    """
    architecture, _, tag = model.partition(".")
    if not timm.is_model(architecture):
        near = difflib.get_close_matches(architecture, timm.list_models(), n=8)
        names = f"names like it: {', '.join(near)}" if near else "timm.list_models() lists its names"
        raise WeightsError(f"timm {timm.__version__} has no model '{model}'; {names}")
    tags = [name.partition(".")[2] for name in timm.list_pretrained(f"{architecture}.*")]
    if tag and tag not in tags:
        raise WeightsError(
            f"timm {timm.__version__} has no weights '{tag}' of {architecture}; "
            f"allowed are {', '.join(tags) or 'none: leave the tag out'}"
        )


def misfits(expected: Mapping[str, torch.Tensor], given: Mapping[str, torch.Tensor]) -> list[str]:
    """Say in which tensors a state is not the one that a net expects: by name, then by shape.

    Parameters
    ----------
    expected, given : mapping of str to tensor

    Returns
    -------
    list of str
        Empty where the state fits.
    """
    missing = [f"{name} is missing" for name in expected if name not in given]
    unknown = [f"{name} is unknown" for name in given if name not in expected]
    shapes = [
        f"{name} has shape {tuple(given[name].shape)} instead of {tuple(tensor.shape)}"
        for name, tensor in expected.items()
        if name in given and given[name].shape != tensor.shape
    ]
    return missing + unknown + shapes


def find(*, model: str, weights: str, folder: Path) -> Checkpoint:
    """Find the weights of a timm model.

    Parameters
    ----------
    model : str
        Name of a timm model.
    weights : str
        `none`: from scratch. `pretrained`: from `folder`, else from an installed package that brings them, else from
        the local cache of the Hugging Face hub, else from the hub itself. `auto`: the same without the hub, and from
        scratch where there are none. Else a path to a .safetensors or .pth file with a .json beside it.
    folder : Path
        May hold `<model>.safetensors` or `<model>.pth`, with a .json beside it.

    Returns
    -------
    Checkpoint

    Raises
    ------
    WeightsError
        Where timm has no such model, a file cannot be used, or `pretrained` weights cannot be had.

    Notes
    -----
    The hub's own settings hold: `HF_HOME` (where the cache is), `HF_ENDPOINT` (a mirror), `HF_HUB_OFFLINE`.
    """
    require_model(model)
    place = locate(model=model, weights=weights, folder=folder)
    if place is None:
        return Checkpoint(state=None, origin="from scratch (weights: none)")
    if isinstance(place, Path):
        return _from_file(place)
    if isinstance(place, Installed):
        return _from_package(model, place)
    if place.cached is None and weights == "auto":
        return Checkpoint(
            state=None,
            origin=f"from scratch ({folder} holds no {model}.safetensors or .pth, and no package brings them)",
        )
    return _from_hub(model, place, folder=folder)


def _from_file(path: Path) -> Checkpoint:
    """Read tensors (never a pickle) and the JSON beside them."""
    record = path.with_suffix(".json")
    try:
        facts = _Facts.model_validate_json(record.read_bytes())
        state = (
            load_file(path)
            if path.suffix == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
    except FileNotFoundError:
        raise WeightsError(
            f"weights {path}: {record.name} is missing beside it; it says model_args, input_size, mean and std"
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise WeightsError(f"weights {path}: {record.name} beside it: {where}: {first['msg']}") from None
    except (OSError, ValueError, RuntimeError, EOFError, UnpicklingError, SafetensorError) as error:
        raise WeightsError(f"weights {path} cannot be read: {error}") from None
    if not isinstance(state, dict) or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise WeightsError(
            f"weights {path}: the file is no flat mapping of names to tensors; save model.state_dict()"
        )
    _refuse_folded(path, state)
    return Checkpoint(
        state=state,
        origin=f"{path.name} sha256 {sha256(path)[:12]}",
        model_args=facts.model_args,
        size=facts.input_size,
        mean=facts.mean,
        std=facts.std,
    )


def _refuse_folded(path: Path, state: dict[str, torch.Tensor]) -> None:
    """A checkpoint whose batch norms were folded into its convolutions scores well and cannot train."""
    means = [v for k, v in state.items() if k.endswith("running_mean")]
    variances = [v for k, v in state.items() if k.endswith("running_var")]
    flat = all(bool((m == 0).all()) for m in means) and all(bool((v == 1).all()) for v in variances)
    if means and flat:
        raise WeightsError(
            f"weights {path}: every batch norm has mean 0 and variance 1, so its statistics were folded into the "
            "convolutions; such a net cannot be fine-tuned. Use the original checkpoint"
        )


def _from_package(model: str, place: Installed) -> Checkpoint:
    """The checkpoint of an installed package, under timm's names."""
    net: Any = timm.create_model(model)
    state = torch.load(place.path, map_location="cpu", weights_only=True)
    return Checkpoint(
        state=packaged.timm_names(state, stages=[len(stage) for stage in net.blocks]),
        origin=place.origin,
        size=place.package.size,
        mean=packaged.MEAN,
        std=packaged.STD,
    )


def _from_hub(model: str, place: OnHub, *, folder: Path) -> Checkpoint:
    """timm's own checkpoint, from the hub's cache on this machine or else from the hub."""
    repository, config = place.repository, timm.get_pretrained_cfg(model)
    if config is None or not repository:
        raise WeightsError(
            f"weights of '{model}': timm names no pretrained ones on the hub; {_remedy(model, folder)}"
        )
    path = place.cached or _download(model, repository, folder=folder)
    # timm renames and reshapes what its older files hold on the way into a model
    net = timm.create_model(model, pretrained=True, pretrained_cfg_overlay={"state_dict": load_file(path)})
    return Checkpoint(
        state=net.state_dict(),
        origin=f"timm hub {repository}",
        size=int(config.input_size[-1]),
        mean=tuple(config.mean),
        std=tuple(config.std),
    )


def _download(model: str, repository: str, *, folder: Path) -> str:
    try:
        return hf_hub_download(repository, HUB_FILE)
    except (OSError, HTTPError, EntryNotFoundError, HFValidationError) as error:
        cause = error.__cause__ or error
        reason = next(iter(str(cause).strip().splitlines()), "no reason given")
        raise WeightsError(
            f"weights of '{model}': pretrained ones are neither in {folder}, nor in a package, nor in the hub's cache "
            f"{constants.HF_HUB_CACHE}, and {constants.ENDPOINT}/{repository} did not give {HUB_FILE} "
            f"({type(cause).__name__}: {reason}); {_remedy(model, folder)}, or set HF_ENDPOINT to a mirror that answers"
        ) from None


def _remedy(model: str, folder: Path) -> str:
    return f"put {model}.safetensors and {model}.json into {folder}, or set weights to auto or none"
