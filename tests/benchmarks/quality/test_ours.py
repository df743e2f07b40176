"""The product in the bench: every stage that a bundle needs, what it learned, what a later run may take over."""

from pathlib import Path
from types import SimpleNamespace

import yaml

from benchmarks.quality.ours import LENT, borrow, stages, trained_kinds
from models.bundle_info import BlockInfo

ROOT = Path(__file__).parents[3]


def test_the_stages_are_those_of_dvc_up_to_the_bundle():
    settings = yaml.safe_load((ROOT / "params.yaml").read_text())
    net = {"model": "mobilenetv2_100", "size": 64, "epochs": 1, "learning_rate": 0.001}
    settings["finetune"]["nets"] = {"face": net}
    settings["embed"]["backbones"] = {"frozen": {"model": "mobilenetv2_100"}}
    made = [stage[0].removeprefix("pipeline.") for stage in stages(yaml.safe_dump(settings))]
    every = list(yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"])
    assert made == [name for name in every[: every.index("train") + 1] if name != "audit"]


def test_kinds_come_from_experts_and_heads():
    nets = {
        "net_face": BlockInfo(sort="net", columns=["net_face.labelled"]),
        "net_seam": BlockInfo(sort="net", columns=["net_seam.blend", "net_seam.restoration"]),
    }
    experts = [SimpleNamespace(kind=kind) for kind in ("labelled", "blend", "resynthesis")]
    info = SimpleNamespace(blocks_of=lambda sort: nets, stacker=SimpleNamespace(experts=experts))
    assert trained_kinds(info) == ["blend", "restoration", "resynthesis"]


def test_a_run_takes_over_what_it_lacks(tmp_path):
    lender, folder = tmp_path / "lender", tmp_path / "run"
    places = ["faces", "generated/restoration", "features/net_face", "finetune/face", "model"]
    for place in places:
        (lender / "cache" / place / "v1").mkdir(parents=True)
        (lender / "cache" / place / "v1/shard").write_text(place)
    (folder / "cache/faces").mkdir(parents=True)
    borrow(folder, lender)
    taken = sorted(str(p.relative_to(folder / "cache").parents[1]) for p in folder.rglob("shard"))
    assert taken == ["features/net_face", "finetune/face", "generated/restoration"]
    assert "cache/model" not in LENT
