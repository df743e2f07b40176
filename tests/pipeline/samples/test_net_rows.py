"""Every row of a net is computed in one precision, wherever it is made."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from models.cpu_engine import PrecisionError
from pipeline.runtime.params import Compute, Faces
from pipeline.samples import net_rows
from pipeline.samples.net_rows import NetExtractor, net_precision


def extractor(precision):
    return NetExtractor(Path("nets/net_a"), None, Faces(), max_pixels=1, device="cpu", precision=precision)


def test_a_worker_with_another_processor_is_refused(monkeypatch):
    net = SimpleNamespace(precision="f32")
    monkeypatch.setattr(net_rows, "load_net", lambda *_: net)
    assert extractor("f32").net is net
    with pytest.raises(
        PrecisionError, match="nets/net_a: .* in f32, .* computed in bf16; set compute.precision"
    ):
        _ = extractor("bf16").net


def test_the_setting_decides_within_what_the_processor_has(monkeypatch):
    monkeypatch.setattr("models.cpu_engine.has_bf16", lambda: True)
    picked = [net_precision(Compute(device="cpu", precision=wanted)) for wanted in ("auto", "f32")]
    assert picked == ["bf16", "f32"]
