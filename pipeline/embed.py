"""Stage `embed@<backbone>`: pooled features of a frozen timm net, from every face."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from models.nets.checkpoints import find
from models.nets.face_net import NETS_VERSION, FaceNet, backbone_state, build
from pipeline.runtime import params
from pipeline.runtime.command import run
from pipeline.samples.feature_table import block_folder, read_faces
from pipeline.samples.net_rows import NETS, fill_net, leave_out, load_net, net_spec
from pipeline.samples.variants import VARIANTS_VERSION, expand, items_of
from pipeline.storage.feature_store import Store, finish, version_of


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m pipeline.embed", description=__doc__)
    parser.add_argument("name", help="a key of embed.backbones in params.yaml")
    name = parser.parse_args(arguments).name
    backbones, options, data = params.load("embed").backbones, params.load("faces"), params.load("data")
    if params.was_removed("embed", "backbones", name):
        leave_out(f"embed_{name}", reason=f"backbone '{name}' was removed by {params.LOCAL_FILE}")
        return
    if name not in backbones:
        raise params.ParamsError(f"embed.backbones has no '{name}'; it has {', '.join(backbones) or 'none'}")
    root, folder = block_folder(f"embed_{name}"), NETS / f"embed_{name}"
    checkpoint = find(model=backbones[name].model, weights=backbones[name].weights, folder=Path(data.weights))
    if checkpoint.state is None:
        reason = f"backbone '{name}' is frozen and would be {checkpoint.origin}: left out"
        leave_out(f"embed_{name}", reason=reason)
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    spec = net_spec(backbones[name], checkpoint)
    FaceNet.save(folder, spec, [backbone_state(build(spec), checkpoint)])
    width = load_net(folder, "cpu", None).width
    facts = {"code": [NETS_VERSION, VARIANTS_VERSION], "net": asdict(spec), "aligned": options.aligned}
    store = Store(root, version_of(facts), tuple(f"embed_{name}.f{i:04d}" for i in range(width)))
    store.prune()
    known = store.keys()
    rows, faces = expand(*read_faces(), params.load("variants"))
    items = {i.key: i for i in items_of(rows, faces, keys=rows["key"]) if i.key not in known}
    fill_net(
        list(items.values()),
        folder=folder,
        member=None,
        store=store,
        describe=f"embed {name}",
        options=options,
        max_pixels=params.load("manifest").max_pixels,
        compute=params.load("compute"),
    )
    finish(store)


if __name__ == "__main__":
    run("embed")
