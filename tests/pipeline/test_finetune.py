"""Logits of another precision, or without the mirror image, are other numbers; the training behind them is the same."""

from types import SimpleNamespace

from pipeline.finetune import logits_version
from pipeline.runtime.params import Net


def job(**changes):
    net = Net(model="m", size=64, epochs=1, learning_rate=0.001, **changes)
    return SimpleNamespace(version="trained", net=net)


def test_logits_are_kept_apart_by_how_the_net_is_run():
    versions = {
        (mirror, precision): logits_version(job(mirror=mirror), precision=precision)
        for mirror in (True, False)
        for precision in ("f32", "bf16")
    }
    assert len(set(versions.values())) == 4
    assert logits_version(job(), precision="f32") == versions[True, "f32"]
