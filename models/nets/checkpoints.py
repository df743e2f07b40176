"""Where the weights of a timm net come from, and what the checkpoint says about its input."""

from __future__ import annotations

import hashlib
import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors.torch import load_file

from models.errors import UserError

HUB = "https://huggingface.co"
HUB_TIMEOUT = 5.0  # seconds; one attempt, because a retry helps nobody who is offline
DEFAULT_SIZE = 224
DEFAULT_MEAN = (0.5, 0.5, 0.5)
DEFAULT_STD = (0.5, 0.5, 0.5)


class WeightsError(UserError):
    """Weights that were asked for and cannot be had; the message says what to do."""


@dataclass(frozen=True)
class Checkpoint:
    """Initial weights of a net.

    state : tensors by name, None for "from scratch". origin : said in report and bundle.
    model_args : keyword arguments of timm.create_model; size : px of its input.
    """

    state: dict[str, torch.Tensor] | None
    origin: str
    model_args: dict[str, Any] = field(default_factory=dict)
    size: int = DEFAULT_SIZE
    mean: tuple[float, ...] = DEFAULT_MEAN
    std: tuple[float, ...] = DEFAULT_STD


def sha256(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def find(*, model: str, weights: str, folder: Path) -> Checkpoint:
    """Weights of timm model `model` as `weights` asks.

    weights : `none` (from scratch); `pretrained` (the folder, timm's files already on this machine,
    then one short attempt at timm's hub); `auto` (the same without the hub, else from scratch); or a
    path to a .safetensors or .pth file with a .json beside it. Raises WeightsError.
    """
    if weights == "none":
        return Checkpoint(state=None, origin="from scratch (weights: none)")
    if weights not in ("auto", "pretrained"):
        path = Path(weights)
        if not path.is_file():
            raise WeightsError(
                f"weights of '{model}': {path} is not a file; allowed are none, auto, pretrained or a path"
            )
        return _from_file(path)
    for suffix in (".safetensors", ".pth"):
        if (folder / f"{model}{suffix}").is_file():
            return _from_file(folder / f"{model}{suffix}")
    hub = _from_hub(model, download=weights == "pretrained")
    if hub is not None:
        return hub
    if weights == "auto":
        return Checkpoint(state=None, origin=f"from scratch ({folder} holds no {model}.safetensors or .pth)")
    raise WeightsError(
        f"weights of '{model}': pretrained ones are neither in {folder} nor in timm's hub from here; put "
        f"{model}.safetensors and {model}.json there, or set weights to none or auto"
    )


def _from_file(path: Path) -> Checkpoint:
    """Read tensors (never a pickle) and the JSON beside them."""
    facts = path.with_suffix(".json")
    try:
        said = json.loads(facts.read_text(encoding="utf-8"))
        state = (
            load_file(path)
            if path.suffix == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
    except FileNotFoundError:
        raise WeightsError(
            f"weights {path}: {facts.name} is missing beside it; it says model_args, input_size, mean and std"
        ) from None
    except (OSError, ValueError, RuntimeError, EOFError, UnpicklingError) as error:
        raise WeightsError(f"weights {path} cannot be read: {error}") from None
    if not isinstance(state, dict) or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise WeightsError(
            f"weights {path}: found no flat mapping of names to tensors; save model.state_dict()"
        )
    _refuse_folded(path, state)
    return Checkpoint(
        state=state,
        origin=f"{path.name} sha256 {sha256(path)[:12]}",
        model_args=said.get("model_args", {}),
        size=int(said.get("input_size", DEFAULT_SIZE)),
        mean=tuple(said.get("mean", DEFAULT_MEAN)),
        std=tuple(said.get("std", DEFAULT_STD)),
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


def _from_hub(model: str, *, download: bool) -> Checkpoint | None:
    """timm's own checkpoint: from the local hub cache, or by one download when asked."""
    import timm
    from huggingface_hub import try_to_load_from_cache

    config = timm.get_pretrained_cfg(model) if timm.is_model(model) else None
    repository = getattr(config, "hf_hub_id", None)
    if config is None or not repository:
        return None
    repository = repository if "/" in repository else f"timm/{model}"
    cached = try_to_load_from_cache(repository, "model.safetensors")
    if isinstance(cached, str):
        state = load_file(cached)
    elif download and _hub_answers():
        state = timm.create_model(model, pretrained=True).state_dict()
    else:
        return None
    return Checkpoint(
        state=state,
        origin=f"timm hub {repository}",
        size=int(config.input_size[-1]),
        mean=tuple(config.mean),
        std=tuple(config.std),
    )


def _hub_answers() -> bool:
    request = urllib.request.Request(HUB, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=HUB_TIMEOUT):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
