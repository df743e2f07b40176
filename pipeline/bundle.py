"""A trained bundle as something to hand over: what is in it, whether it is whole, and the same as one file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from models.bundle_files import FORMAT, check_files, parse_record, read_part, read_record
from models.bundle_info import OVERALL, BundleInfo
from models.cpu_engine import is_installed
from pipeline.runtime import paths
from pipeline.runtime.command import run
from pipeline.serving.command_line import named
from pipeline.serving.packing import pack, unpack
from pipeline.serving.trial import require
from pipeline.serving.version import version_of
from pipeline.storage.addresses import refuse_other_code
from pipeline.storage.file_names import readable
from pipeline.storage.files import json_text


def described(folder: Path, info: BundleInfo, *, version: str) -> dict[str, object]:
    """What a person wants to know of a bundle before using it."""
    limits = [limit for limit in info.thresholds if limit.source == OVERALL]
    return {
        "version": version,
        "format": FORMAT,
        "bytes": sum((folder / name).stat().st_size for name in info.files),
        "parts": len(info.files),
        "trained on": info.training.model_dump(
            include={"images", "fakes", "calibration", "groups", "sources"}
        ),
        "metrics": info.metrics,
        "kinds of fake": [expert.kind for expert in info.stacker.experts],
        "nets": {
            name: f"{net.model}, {net.n_models} of them, {net.origin}" for name, net in info.nets.items()
        },
        "thresholds": [limit.model_dump(exclude={"source"}) for limit in limits],
        "warnings": info.warnings,
        "software": info.software,
    }


def _graphs(folder: Path, info: BundleInfo) -> str:
    """Hold every net's graph to its weights, where torch can run these; says what was done. Raises NetError."""
    if not info.nets:
        return "it has no nets"
    if find_spec("torch") is None or not is_installed():
        return "that its nets' graphs are those of their weights was not checked: that takes the extra train"
    from models.nets.agreement import check_graphs

    read = partial(read_part, folder, info)
    counts = [check_graphs(folder / "nets" / name, read=read) for name in info.nets]
    compared, members = map(sum, zip(*counts, strict=True))
    rest = f"; {members - compared} have no graph, and torch scores with them" if compared < members else ""
    return f"{compared} of {members} nets give the same numbers by their weights and by their graphs{rest}"


def _names_bundle(action: argparse.ArgumentParser) -> None:
    action.add_argument(
        "bundle", type=named, nargs="?", default=paths.BUNDLE, help="folder of it (default: %(default)s)"
    )


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(prog="python -m pipeline.bundle", description=__doc__)
    actions = command.add_subparsers(dest="action", required=True, metavar="info|verify|pack|unpack")
    _names_bundle(actions.add_parser("info", help="say what is in it, as JSON"))
    _names_bundle(
        actions.add_parser(
            "verify", help="hold every part to its hash, this code to its own, graphs to weights"
        )
    )
    packing = actions.add_parser("pack", help="write it as one file")
    _names_bundle(packing)
    packing.add_argument("--out", type=named, default=Path("model.faketrace"), help="default: %(default)s")
    unpacking = actions.add_parser("unpack", help="lay a packed one out as a folder")
    unpacking.add_argument("file", type=named)
    unpacking.add_argument("--out", type=named, required=True, help="the folder, which is not there yet")
    return command


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line asks."""
    args = parser().parse_args(arguments)
    if args.action == "unpack":
        version = unpack(args.file, args.out)
        sys.stderr.write(
            f"version {version} in {readable(str(args.out))}; every part is the one that its record names\n"
        )
        return
    record = read_record(args.bundle)
    info = parse_record(args.bundle, record)
    version = version_of(args.bundle)
    if args.action == "info":
        sys.stdout.write(json_text(described(args.bundle, info, version=version)))
        return
    check_files(args.bundle, info)
    if args.action == "verify":
        refuse_other_code(args.bundle, info)
        require(args.bundle, record, info)  # before a stranger's nets are run here
        sys.stderr.write(
            f"version {version}: {len(info.files)} parts are whole, and this release can score with them; {_graphs(args.bundle, info)}\n"
        )
        return
    pack(args.bundle, args.out)
    sys.stderr.write(f"version {version} in {readable(str(args.out))}; unpack checks it again\n")


if __name__ == "__main__":
    run("bundle")
