"""From a torch module to a graph that OpenVINO runs: done once where a net is made."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.etree import ElementTree

import torch

from models import cpu_engine, machine_cache
from models.fingerprint import fingerprint
from models.nets.graph import Graph
from models.nets.openvino_net import ConversionError

KIND = "graphs"  # in the machine's cache
CODE = ("models.nets.conversion:convert", "models.nets.build:build")
_LENGTH = 8  # bytes that say how long the first part of what is kept is


def convert_once(net: Callable[[], Any], *, size: int, facts: tuple[str, ...]) -> Graph:
    """The graph of the net of these facts: from the machine's cache, or converted and kept there.

    Parameters
    ----------
    net : callable
        Makes the torch module, uint8 (N, 3, size, size) to float32 (N, width), in evaluation; called only to convert.
    size : int
        px, side of its pictures.
    facts : tuple of str
        All that its rows depend on: its weights' hash, how it is built and fed.

    Returns
    -------
    Graph

    Raises
    ------
    ConversionError
        Where OpenVINO cannot run it.
    """
    libraries = [version(name) for name in ("openvino", "torch", "timm")]
    key = sha256(json.dumps([*facts, fingerprint(*CODE), *libraries, sys.version]).encode()).hexdigest()
    kept = machine_cache.read(KIND, key)
    if kept is None:
        graph = convert(net(), size=size)
        length = len(graph.layers).to_bytes(_LENGTH, "big")
        machine_cache.write(KIND, key, length + graph.layers + graph.constants)
        return graph
    end = _LENGTH + int.from_bytes(kept[:_LENGTH], "big")
    return Graph(kept[_LENGTH:end], kept[end:])


def convert(net: Any, *, size: int) -> Graph:
    """Trace and convert a torch module.

    Parameters
    ----------
    net : nn.Module
        uint8 (N, 3, size, size) to float32 (N, width).
    size : int
        px.

    Returns
    -------
    Graph
        The same bytes for the same net, whatever this process did before.

    Raises
    ------
    ConversionError
        Where torch cannot trace it or OpenVINO has not what it needs.
    """
    openvino = cpu_engine.openvino()
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    class OfPictures(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            return self.net(pictures.permute(0, 3, 1, 2)).flatten(1)

    example = torch.zeros((1, size, size, 3), dtype=torch.uint8)
    try:
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")  # torch says that it will replace its tracing one day
            trace = torch.jit.trace(OfPictures().eval(), example, check_trace=False)
            reader = FrontEndManager().load_by_framework("pytorch")
            # The decoder has to outlive the conversion.
            decoder = TorchScriptPythonDecoder(trace, example_input=(example,))
            model = reader.convert(reader.load(decoder))
        model.reshape([1, size, size, 3])
        return _serialised(openvino, model)
    except _failures(openvino) as error:
        raise ConversionError.by(error) from None


def _serialised(openvino: Any, model: Any) -> Graph:
    """The graph without its names, which count what this process has made before."""
    from openvino.passes import ConstantFolding, Manager

    manager = Manager()
    manager.register_pass(ConstantFolding())
    manager.run_passes(model)
    model.set_friendly_name("net")
    for place, operation in enumerate(model.get_ordered_ops()):
        operation.set_friendly_name(f"{operation.get_type_name()}{place}")
        for output in operation.outputs():
            output.get_tensor().set_names(set())
    with TemporaryDirectory() as folder:
        layers, constants = Path(folder, "net.xml"), Path(folder, "net.bin")
        openvino.serialize(model, layers, constants)
        tree = ElementTree.parse(layers).getroot()
        for element in list(tree.iter()):
            for info in element.findall("rt_info"):
                element.remove(info)
        return Graph(ElementTree.tostring(tree, encoding="utf-8"), constants.read_bytes())


def _failures(openvino: Any) -> tuple[type[Exception], ...]:
    """What torch and OpenVINO raise for a net that they cannot take."""
    frontend = openvino.frontend
    of_frontend = (frontend.OpConversionFailure, frontend.GeneralFailure, frontend.NotImplementedFailure)
    return (RuntimeError, TypeError, ValueError, *of_frontend)
