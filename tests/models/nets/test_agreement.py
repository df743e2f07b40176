"""A graph that is not of its weights is found: nobody else would notice before a GPU scores differently."""

import dataclasses
import shutil

import pytest
import torch

from models.nets.agreement import check_graphs
from models.nets.build import build
from models.nets.face_net import FaceNet, save_graphs
from models.nets.graph import Graph
from models.nets.net_spec import NetError, member_file
from models.nets.saved_weights import SavedWeights
from tests.models.nets.small_net import SPEC


def state(seed):
    torch.manual_seed(seed)
    return build(SPEC)[1].state_dict()


@pytest.fixture
def folder(tmp_path):
    FaceNet.save(tmp_path, SPEC, [state(0), state(1)])
    save_graphs(tmp_path)
    return tmp_path


def test_what_was_converted_agrees_and_what_was_not_is_not_counted(folder):
    assert check_graphs(folder) == (2, 2)
    Graph.remove(folder, 1)
    assert check_graphs(folder) == (1, 2)


def test_the_graph_of_other_weights_is_named(folder):
    member_file(folder, 1).write_bytes(SavedWeights.of("other", state(2)).data)
    with pytest.raises(NetError, match="member 1's graph gives other numbers than its weights .by up to"):
        check_graphs(folder)


NO_LAYERS = b'<?xml version="1.0"?><net name="a" version="11"><layers/><edges/></net>'


@pytest.mark.parametrize("layers", [b"garbage", NO_LAYERS])
def test_a_graph_that_cannot_be_run_is_named_and_torch_does_not_step_in(folder, layers):
    (path,) = folder.glob("member1.xml")
    path.write_bytes(layers)
    with pytest.raises(
        NetError, match="OpenVINO cannot run member 1's graph .*; copy the whole folder again"
    ):
        check_graphs(folder)


def test_the_graph_of_a_net_of_another_width_is_named(folder, tmp_path_factory):
    other, spec = tmp_path_factory.mktemp("other"), dataclasses.replace(SPEC, heads=SPEC.heads[:1])
    torch.manual_seed(0)
    FaceNet.save(other, spec, [build(spec)[1].state_dict()])
    save_graphs(other)
    for suffix in (".xml", ".bin"):
        shutil.copy(other / f"member0{suffix}", folder / f"member1{suffix}")
    with pytest.raises(NetError, match="member 1's graph gives 1 numbers, its weights give 2; train again"):
        check_graphs(folder)


def test_parts_are_read_as_the_bundle_reads_them(folder):
    read = []
    check_graphs(folder, read=lambda path: read.append(path.name) or path.read_bytes())
    assert {path.name for path in folder.iterdir()} == set(read)
