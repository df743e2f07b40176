"""Stage `embed@<backbone>`: pooled features of a frozen timm net, from every face."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from models.nets.build import build
from models.nets.checkpoints import find
from models.nets.face_net import FaceNet, save_graphs
from models.nets.initialisation import backbone_state
from pipeline.runtime import params, paths
from pipeline.runtime.command import run
from pipeline.samples.feature_table import block_folder, read_faces
from pipeline.samples.net_rows import NetExtractor, load_net, net_precision, net_spec, skip_block
from pipeline.samples.pictures import read_plan
from pipeline.samples.shards import fill, finish
from pipeline.samples.variants import expand, items_of
from pipeline.storage.addresses import net_code
from pipeline.storage.feature_store import Store, version_of


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the stage for one backbone."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.embed", description=__doc__)
    parser.add_argument("name", help="a key of embed.backbones in params.yaml")
    name = parser.parse_args(arguments).name
    backbones, options, compute = params.load("embed").backbones, params.load("faces"), params.load("compute")
    block = f"embed_{name}"
    if params.was_removed("embed", "backbones", name):
        skip_block(block, "embedding", reason=f"backbone '{name}' was removed by {params.LOCAL_FILE}")
        return
    if name not in backbones:
        raise params.ParamsError(f"embed.backbones has no '{name}'; it has {', '.join(backbones) or 'none'}")
    net = backbones[name]
    checkpoint = find(model=net.model, weights=net.weights, folder=Path(params.load("data").weights))
    if checkpoint.state is None:
        skip_block(
            block,
            "embedding",
            reason=f"backbone '{name}' is frozen and would be {checkpoint.origin}: left out",
        )
        return
    folder = paths.NETS / block
    shutil.rmtree(folder, ignore_errors=True)
    spec = net_spec(net, checkpoint)
    precision = net_precision(compute)
    FaceNet.save(folder, spec, [backbone_state(build(spec), checkpoint)], mirror=False, precision=precision)
    save_graphs(folder)
    width = load_net(folder, "cpu", None).width
    facts = {"code": net_code(), "net": asdict(spec), "aligned": options.aligned, "precision": precision}
    store = Store(
        block_folder(block, "embedding"),
        version_of(facts),
        tuple(f"{block}.f{i:04d}" for i in range(width)),
        "embedding",
    )
    extractor = NetExtractor(
        folder,
        None,
        options,
        max_pixels=params.load("manifest").max_pixels,
        device=compute.device,
        precision=precision,
    )
    plan = read_plan(params.load("variants"))
    items = items_of(*expand(*read_faces(), plan), plan)
    unmade = fill(items, extractor, {block: store}, describe=f"embed {name}", compute=compute, nets=True)
    finish(block, [store], unmade, rows=len(items))


if __name__ == "__main__":
    run("embed")
