"""The settings in force, in the file that DVC compares: cache/params.yaml.

Beside the sections it holds `checkpoints`: for each block of a net, the file that its first weights come from and its
SHA-256, so that other weights under the same name make its stage run again; and `generate`, the files of the generators.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from models.bundle_info import sha256
from models.generators.registry import GENERATORS, GeneratorMissing, with_binaries
from models.nets.locations import hub_repository, locate
from models.nets.packaged import Installed
from pipeline.runtime import params, yaml_file
from pipeline.runtime.names import check_names
from pipeline.runtime.params import Backbone, Net, Params
from pipeline.storage.files import appearing

FILE = Path("cache/params.yaml")
HEADER = "# Written by stage manifest: params.yaml with params.local.yaml laid over it. Changing this file changes nothing.\n"


def previous() -> dict[str, Any]:
    """What the last run wrote; empty when there is none or it cannot be read."""
    try:
        raw = yaml_file.load(FILE)
    except (OSError, yaml_file.NotYamlError):
        return {}
    return raw if isinstance(raw, dict) else {}


def checked_models(before: dict[str, Any]) -> set[str]:
    """Names of timm models that an earlier run found to be right: importing timm takes seconds."""
    entries = [
        entry
        for section, key in params.STAGE_ENTRIES
        for entry in ((before.get(section) or {}).get(key) or {}).values()
    ]
    return {entry["model"] for entry in entries if isinstance(entry, dict) and "model" in entry}


def write() -> None:
    """Check every name and path of the settings in force, and write them.

    Raises
    ------
    ParamsError
        Listing every mistake.
    """
    settings, before = params.read(), previous()
    local = params.read_mapping(params.LOCAL_FILE) if params.LOCAL_FILE.exists() else {}
    check_names(settings, {str(params.LOCAL_FILE): local}, known_models=checked_models(before))
    record = settings.model_dump(mode="json")
    for (
        section,
        key,
    ) in params.STAGE_ENTRIES:  # an entry that the overlay removed still has its stage in dvc.yaml
        defaults = params.read_mapping(params.PARAMS_FILE)[section][key] or {}
        record[section][key] |= {name: None for name in defaults if name not in record[section][key]}
    record["checkpoints"] = checkpoints(record, settings, before.get("checkpoints") or {})
    record["checkpoints"]["generate"] = generators(settings)
    with appearing(FILE) as part:
        part.write_text(HEADER + yaml_file.dump(record), encoding="utf-8")


def checkpoints(record: dict[str, Any], settings: Params, before: dict[str, Any]) -> dict[str, Any]:
    """File and SHA-256 of the first weights of each net, by block.

    Parameters
    ----------
    record : dict
        The settings in force as they are written, with None for each net that was removed.
    settings : Params
        The settings in force.
    before : dict
        What this gave for the last run, empty for none; it spares looking up the same repository again.

    Returns
    -------
    dict
        None for a net that was removed, else a dict of `model`, `weights` and, as far as they are known,
        `file`, `sha256` and `hub`.
    """
    entries = {
        **{f"embed_{name}": settings.embed.backbones.get(name) for name in record["embed"]["backbones"]},
        **{f"net_{name}": settings.finetune.nets.get(name) for name in record["finetune"]["nets"]},
    }
    folder = Path(settings.data.weights)
    return {
        block: None if net is None else _weights(net, folder, before.get(block) or {})
        for block, net in entries.items()
    }


def generators(settings: Params) -> dict[str, dict[str, str] | None]:
    """Files of the generators that draw pseudo-fakes, and their SHA-256, by kind.

    Parameters
    ----------
    settings : Params
        The settings in force.

    Returns
    -------
    dict
        None for a kind whose generator is not there or that is not asked for.
    """
    found: dict[str, dict[str, str] | None] = {}
    for kind, files_of in GENERATORS.items():
        try:
            wanted = settings.variants.pseudo_fakes.get(kind)
            files = files_of(Path(settings.data.weights)) if wanted else []
        except GeneratorMissing:
            files = []
        found[kind] = {path.name: sha256(path) for path in with_binaries(files)} or None
    return found


def _weights(net: Backbone | Net, folder: Path, before: dict[str, Any]) -> dict[str, Any]:
    """Where these weights come from, as far as it can be known without loading them."""
    facts: dict[str, Any] = {"model": net.model, "weights": net.weights}
    known = {key: before.get(key) for key in facts} == facts and "hub" in before
    repository = (lambda _: before["hub"]) if known else hub_repository
    place = locate(model=net.model, weights=net.weights, folder=folder, repository=repository)
    if place is None:
        return facts
    if isinstance(place, Path):
        return facts | {"file": place.name, "sha256": sha256(place)}
    if isinstance(place, Installed):
        return facts | {"file": place.path.name, "sha256": place.package.sha256}
    facts["hub"] = place.repository
    # `pretrained` means the hub's file, downloaded or not; `auto` means from scratch until somebody downloads it.
    if place.cached is None or net.weights == "pretrained":
        return facts
    return facts | {"file": place.cached.name, "sha256": sha256(place.cached)}
