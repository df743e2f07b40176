"""Nets by OpenVINO: the same bits in any company, torch's numbers, kept for the next process, and a way without it."""

import dataclasses
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch

from models import cpu_engine, machine_cache
from models.cpu_engine import PrecisionError, pick_precision
from models.nets import conversion, face_net, openvino_net
from models.nets.build import build
from models.nets.face_net import FaceNet, graph_of, save_graphs
from models.nets.graph import Graph
from models.nets.openvino_net import ConversionError
from models.nets.saved_weights import SavedWeights
from tests.models.nets.rows import rows_of
from tests.models.nets.small_net import SPEC, crops

SHIPPED = dataclasses.replace(SPEC, model="tf_efficientnet_lite0")


def lived_in(spec, seed=0):
    """Random weights with batch-norm statistics as training leaves them."""
    torch.manual_seed(seed)
    state = build(spec)[1].state_dict()
    for name, tensor in state.items():
        if name.endswith("running_mean"):
            tensor.normal_(std=0.2)
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 2)
    return state


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("net")
    FaceNet.save(folder, SPEC, [lived_in(SPEC, seed) for seed in (0, 1)])
    return folder


@pytest.mark.parametrize(
    "spec",
    [
        SHIPPED,
        dataclasses.replace(SPEC, model="mobilenetv3_small_050", input="npr"),
        dataclasses.replace(SPEC, input="highpass"),
        dataclasses.replace(SPEC, heads=()),
    ],
    ids=lambda s: f"{s.model} {s.input} {len(s.heads)}",
)
def test_a_row_has_the_same_bits_in_any_company_and_torchs_numbers(spec):
    state, pictures = lived_in(spec), crops(9)
    net = FaceNet(spec, [state])
    together = net(pictures)
    alone = np.concatenate([net([picture]) for picture in pictures])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(net(pictures[::-1]), together[::-1])
    np.testing.assert_array_equal(net(crops(5, seed=9) + pictures)[5:], together)
    by_torch = FaceNet(spec, [state], openvino=False)(pictures)
    np.testing.assert_allclose(together, by_torch, atol=1e-4 * np.ptp(by_torch))


def test_processes_and_threads_change_no_bit(saved, tmp_path):
    folder, pictures = tmp_path / "net", crops(5)
    shutil.copytree(saved, folder)
    save_graphs(folder)  # as in a bundle: whoever scores loads no torch
    here = FaceNet.load(folder)(pictures)
    for backend in ("loky", "threading"):
        jobs = (joblib.delayed(rows_of)(folder, pictures, threads) for threads in (1, 2))
        for rows in joblib.Parallel(n_jobs=2, backend=backend)(jobs):
            np.testing.assert_array_equal(rows, here)


def test_several_threads_may_ask_one_net(saved):
    net, pictures = FaceNet.load(saved), crops(12)
    rows = {}
    asked = [
        threading.Thread(target=lambda i=i: rows.update({i: net(pictures[i : i + 3])})) for i in range(9)
    ]
    for thread in asked:
        thread.start()
    for thread in asked:
        thread.join()
    for i in range(9):
        np.testing.assert_array_equal(rows[i], net(pictures[i : i + 3]))


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_gets_the_same_bits(saved):
    net, pictures = FaceNet.load(saved), crops(3)
    here = net(pictures)
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.write(writer, net(pictures).tobytes())
        os._exit(0)
    assert os.read(reader, here.nbytes) == here.tobytes()
    assert os.waitpid(child, 0)[1] == 0


def test_what_was_converted_is_not_converted_again(saved, monkeypatch):
    expected = FaceNet.load(saved)(crops(2))

    def convert(*_, **__):
        raise AssertionError("converted again")

    monkeypatch.setattr(conversion, "convert", convert)
    np.testing.assert_array_equal(FaceNet.load(saved)(crops(2)), expected)


def test_a_net_with_its_graphs_needs_neither_torch_nor_a_cache(saved, tmp_path):
    """In a process of its own, of which nothing was kept on this machine: the numbers are those of the conversion."""
    folder = tmp_path / "net"
    shutil.copytree(saved, folder)
    expected = FaceNet.load(folder)(crops(2))
    save_graphs(folder)
    for weights in folder.glob("*.safetensors"):
        weights.unlink()
    code = (
        "import sys, numpy as np\nfrom pathlib import Path\nfrom models.nets.face_net import FaceNet\n"
        f"crops = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)\n"
        f"rows = FaceNet.load(Path({str(folder)!r}))(list(crops))\n"
        "print(rows.tobytes().hex(), 'torch' in sys.modules, 'timm' in sys.modules)"
    )
    environment = {**os.environ, "FAKETRACE_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [expected.tobytes().hex(), "False", "False"]


def test_the_graph_of_a_net_has_the_same_bytes_whatever_was_converted_before(monkeypatch, tmp_path):
    monkeypatch.setenv("FAKETRACE_CACHE", str(tmp_path / "1"))
    weights = SavedWeights.of("one", lived_in(SPEC))
    first = graph_of(SPEC, weights)
    assert graph_of(SPEC, weights) == first  # as it was kept
    monkeypatch.setenv("FAKETRACE_CACHE", str(tmp_path / "2"))
    graph_of(SPEC, SavedWeights.of("other", lived_in(SPEC, 1)))
    assert graph_of(SPEC, weights) == first
    assert b"rt_info" not in first.layers


def test_graphs_of_weights_that_were_replaced_are_removed(tmp_path):
    rows = []
    for seed in (0, 1):
        FaceNet.save(tmp_path, SPEC, [lived_in(SPEC, seed)])
        assert not list(tmp_path.glob("member0.xml"))
        save_graphs(tmp_path)
        rows.append(FaceNet.load(tmp_path)(crops(1)))
    assert (rows[0] != rows[1]).all()


def test_a_damaged_graph_is_refused_and_torch_runs_the_net(saved, tmp_path):
    folder = tmp_path / "net"
    shutil.copytree(saved, folder)
    Graph(b"<net>", b"").save(folder, 0)
    with pytest.warns(UserWarning, match="OpenVINO cannot run test_efficientnet .*, so torch does"):
        net = FaceNet.load(folder, member=0)
    np.testing.assert_allclose(net(crops(2)), FaceNet.load(saved, member=0)(crops(2)), atol=1e-4)


def test_other_weights_are_converted_though_the_folder_is_the_same(tmp_path):
    rows = []
    for seed in (0, 1):
        FaceNet.save(tmp_path, SPEC, [lived_in(SPEC, seed)])
        rows.append(FaceNet.load(tmp_path)(crops(1)))
    assert (rows[0] != rows[1]).all()


def test_another_precision_is_kept_apart():
    graph = Graph(b"layers", b"constants")
    assert openvino_net._key(graph.digest, "f32") != openvino_net._key(graph.digest, "bf16")
    assert openvino_net._key(graph.digest, "f32") != openvino_net._key(
        Graph(b"layersc", b"onstants").digest, "f32"
    )


def test_what_is_damaged_in_the_cache_is_made_again(monkeypatch, tmp_path):
    monkeypatch.setenv("FAKETRACE_CACHE", str(tmp_path))
    state = lived_in(SPEC)
    expected = FaceNet(SPEC, [state])(crops(2))
    for kind in ("graphs", "nets"):
        (kept,) = (tmp_path / "faketrace" / kind).iterdir()
        data = bytearray(kept.read_bytes())
        data[len(data) // 2] ^= 1
        kept.write_bytes(data)
        np.testing.assert_array_equal(FaceNet(SPEC, [state])(crops(2)), expected)
        assert machine_cache.read(kind, kept.name) is not None


def test_without_a_place_to_keep_it_a_net_still_scores(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("FAKETRACE_CACHE", str(tmp_path / "file"))
    assert FaceNet(SPEC, [lived_in(SPEC)])(crops(1)).shape == (1, 2)


def test_torch_runs_what_openvino_does_not_and_says_so(monkeypatch):
    def fail(*_, **__):
        raise ConversionError("no such operator")

    state, pictures = lived_in(SPEC), crops(3)
    expected = FaceNet(SPEC, [state])(pictures)
    monkeypatch.setattr(face_net, "graph_of", fail)
    with pytest.warns(
        UserWarning, match="OpenVINO cannot run test_efficientnet .no such operator., so torch"
    ):
        net = FaceNet(SPEC, [state])
    np.testing.assert_allclose(net(pictures), expected, atol=1e-5)
    monkeypatch.setattr(cpu_engine, "is_installed", lambda: False)
    with pytest.warns(UserWarning, match="OpenVINO is not installed"):
        FaceNet(SPEC, [state])


class Untraceable(torch.nn.Module):
    def forward(self, x):
        if torch.jit.is_tracing():
            raise RuntimeError("control flow")
        return x


def test_a_net_that_torch_cannot_trace_is_no_net_for_openvino():
    with pytest.raises(ConversionError, match="control flow"):
        conversion.convert(Untraceable(), size=8)


@pytest.mark.parametrize(
    ("wanted", "device", "bf16", "picked"),
    [
        ("auto", "cpu", False, "f32"),
        ("auto", "cpu", True, "bf16"),
        ("f32", "cpu", True, "f32"),
        ("bf16", "cpu", True, "bf16"),
        ("auto", "cuda", True, "f32"),
    ],
)
def test_bfloat16_is_picked_where_the_processor_has_it(monkeypatch, wanted, device, bf16, picked):
    monkeypatch.setattr(cpu_engine, "has_bf16", lambda: bf16)
    assert pick_precision(wanted, device=device) == picked


@pytest.mark.parametrize(
    ("device", "reason"), [("cpu", "processor has no bfloat16"), ("cuda", "nets run on cuda")]
)
def test_bfloat16_that_is_not_there_is_refused(monkeypatch, device, reason):
    monkeypatch.setattr(cpu_engine, "has_bf16", lambda: device != "cpu")
    with pytest.raises(
        PrecisionError, match=f"compute.precision is 'bf16', but .*{reason}.*; use auto or f32"
    ):
        pick_precision("bf16", device=device)


def test_the_processor_decides_by_what_openvino_says_of_it():
    info = Path("/proc/cpuinfo")
    flags = info.read_text() if info.is_file() else ""
    if "avx512_bf16" not in flags and "amx_bf16" not in flags:
        assert pick_precision("auto", device="cpu") == "f32"


def test_a_net_of_another_precision_runs_in_float32_and_says_so(monkeypatch):
    monkeypatch.setattr(cpu_engine, "has_bf16", lambda: False)
    state = lived_in(SPEC)
    with pytest.warns(UserWarning, match="runs in f32 here, but its training rows were computed in bf16"):
        net = FaceNet(SPEC, [state], precision="bf16")
    assert net.precision == "f32"
    np.testing.assert_array_equal(net(crops(1)), FaceNet(SPEC, [state])(crops(1)))


def test_the_mirror_image_counts_where_the_net_is_run_so(tmp_path):
    state, (picture,) = lived_in(SPEC), crops(1)
    plain = FaceNet(SPEC, [state], mirror=False)
    mirrored = np.ascontiguousarray(picture[:, ::-1])
    both = (plain([picture]) + plain([mirrored])) / 2
    np.testing.assert_allclose(FaceNet(SPEC, [state])([picture]), both, atol=1e-6)
    assert (plain([picture]) != plain([mirrored])).any()
    FaceNet.save(tmp_path, SPEC, [state], mirror=False)
    np.testing.assert_array_equal(FaceNet.load(tmp_path)([picture]), plain([picture]))
