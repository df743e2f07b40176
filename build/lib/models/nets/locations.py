"""Where the weights of a timm net lie on this machine.

Free of torch, whose import takes seconds; timm's is put off until only the hub is left to ask. So the pipeline's first
stage can ask too which file a net will start from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models.nets.packaged import Installed, WeightsError, installed

HUB_FILE = "model.safetensors"  # of timm's repositories on the hub


@dataclass(frozen=True)
class OnHub:
    """Weights that lie nowhere but on the hub or in its cache.

    Attributes
    ----------
    repository : str or None
        None where timm names none for the model.
    cached : Path or None
        Its file in the hub's cache on this machine, None where it was not downloaded.
    """

    repository: str | None
    cached: Path | None


def hub_repository(model: str) -> str | None:
    """The repository of timm's own weights of a model, None where timm names none."""
    import timm

    return getattr(timm.get_pretrained_cfg(model), "hf_hub_id", None)


def locate(
    *, model: str, weights: str, folder: Path, repository: Callable[[str], str | None] = hub_repository
) -> Path | Installed | OnHub | None:
    """Find the file that a net's first weights come from: the one place where the order is written down.

    Parameters
    ----------
    model : str
        Name of a timm model.
    weights : str
        `none`, `auto`, `pretrained` or the path of a checkpoint.
    folder : Path
        The weights folder.
    repository : callable
        The hub's repository of a model; asked only where folder and packages have nothing.

    Returns
    -------
    Path
        The file named, or `<model>.safetensors` or `<model>.pth` in the folder.
    Installed
        Otherwise, an installed package that brings the weights.
    OnHub
        Otherwise.
    None
        For `none`.

    Raises
    ------
    WeightsError
        Where a path is not a file, or a package holds another file than it should.
    """
    if weights == "none":
        return None
    if weights not in ("auto", "pretrained"):
        path = Path(weights)
        if not path.is_file():
            raise WeightsError(
                f"weights of '{model}': {path} is not a file; allowed are none, auto, pretrained or a path"
            )
        return path
    for suffix in (".safetensors", ".pth"):
        if (folder / f"{model}{suffix}").is_file():
            return folder / f"{model}{suffix}"
    package = installed(model)
    if package is not None:
        return package
    name = repository(model)
    return OnHub(name, _in_hub_cache(name) if name else None)


def _in_hub_cache(repository: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    path = try_to_load_from_cache(repository, HUB_FILE)
    return Path(path) if isinstance(path, str) else None
