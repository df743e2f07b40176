"""A net on the CPU by OpenVINO: converted from torch once on a machine, and kept there for every later process.

Measured for tf_efficientnet_lite0 at 192 px on one thread of an AVX2 machine: 12.5 ms a picture instead of 28.6 with torch's
own compiler; 2.7 s to convert it, 0.09 s to take it out of the cache.
"""

from __future__ import annotations

import io
import json
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import machine_cache
from models.errors import UserError
from models.fingerprint import fingerprint
from models.nets.net_spec import Precision, WantedPrecision

BATCH = 8  # pictures of a full batch; what is left over runs one by one
KIND = "nets"  # in the machine's cache
CODE = ("models.nets.openvino_net:convert", "models.nets.face_net:build")
_STEADY, _VARYING = b"s", b"v"  # first byte of what is kept: whether a row's bits depend on the batch's size

Rows = NDArray[np.float32]
Pictures = NDArray[np.uint8]


class PrecisionError(UserError):
    """A precision that was asked for and that this processor or device has not."""


class ConversionError(RuntimeError):
    """A net that OpenVINO cannot run; the caller has another way."""


def is_installed() -> bool:
    """Whether OpenVINO is here."""
    return find_spec("openvino") is not None


@cache
def has_bf16() -> bool:
    """Whether OpenVINO computes in bfloat16 on this processor."""
    if not is_installed():
        return False
    return "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def pick_precision(wanted: WantedPrecision, *, device: str) -> Precision:
    """The precision that nets run in.

    Parameters
    ----------
    wanted : {'auto', 'f32', 'bf16'}
        `auto` is bfloat16 where the processor has it in hardware, and float32 elsewhere and on a GPU.
    device : str
        A torch device.

    Returns
    -------
    {'f32', 'bf16'}

    Raises
    ------
    PrecisionError
        Where bfloat16 is wanted and not there.
    """
    there = device == "cpu" and wanted != "f32" and has_bf16()
    if wanted == "bf16" and not there:
        where = "this processor has no bfloat16 arithmetic" if device == "cpu" else f"nets run on {device}"
        raise PrecisionError(f"compute.precision is 'bf16', but {where}; use auto or f32")
    return "bf16" if there else "f32"


def available(precision: Precision) -> Precision:
    """The precision itself, or float32 where this processor has it not."""
    return precision if precision == "f32" or has_bf16() else "f32"


class OpenVinoNet:
    """A compiled net. A row's bits depend on its picture alone: not on what else is in the batch, its size or the threads.

    Parameters
    ----------
    kept : bytes
        As of `convert`.
    precision : {'f32', 'bf16'}
        As it was converted for.

    Attributes
    ----------
    width : int
        Numbers of a row.

    Raises
    ------
    ConversionError
        Where OpenVINO does not take it.
    """

    def __init__(self, kept: bytes, *, precision: Precision) -> None:
        try:
            net = _core().import_model(io.BytesIO(kept[1:]), "CPU", _settings(precision))
        except RuntimeError as error:
            raise ConversionError(str(error)) from None
        self._steady = kept[:1] == _STEADY
        self._request, self._busy = net.create_infer_request(), threading.Lock()
        self.width = int(net.output(0).get_partial_shape()[1].get_length())

    def __call__(self, pictures: Pictures) -> Rows:
        """Compute a row for each picture.

        Parameters
        ----------
        pictures : uint8 array, shape (n, size, size, 3), RGB
            At least one.

        Returns
        -------
        float32 array, shape (n, width)
        """
        with self._busy:  # a request works on one batch at a time
            return in_batches(self._run, pictures, steady=self._steady)

    def _run(self, pictures: Pictures) -> Rows:
        outputs = self._request.infer([np.ascontiguousarray(pictures)])
        return np.array(outputs[0], dtype=np.float32)


def in_batches(run: Callable[[Pictures], Rows], pictures: Pictures, *, steady: bool) -> Rows:
    """Rows of any number of pictures by batches of BATCH.

    Parameters
    ----------
    run : callable
        Rows of one batch.
    pictures : uint8 array, shape (n, size, size, 3)
        At least one.
    steady : bool
        Whether a picture alone gets the bits that it gets in a full batch. Then the rest runs one by one; else it is filled
        up with zeros.

    Returns
    -------
    float32 array, shape (n, width)
    """
    whole = len(pictures) // BATCH * BATCH
    rows = [run(pictures[i : i + BATCH]) for i in range(0, whole, BATCH)]
    rest = pictures[whole:]
    if steady:
        rows += [run(rest[i : i + 1]) for i in range(len(rest))]
    elif len(rest):
        filled = np.concatenate([rest, np.zeros((BATCH - len(rest), *rest.shape[1:]), np.uint8)])
        rows.append(run(filled)[: len(rest)])
    return np.concatenate(rows)


def load_or_convert(
    net: Callable[[], Any], *, size: int, facts: tuple[str, ...], precision: Precision
) -> OpenVinoNet:
    """The net of these facts: from the machine's cache, or converted and kept there.

    Parameters
    ----------
    net : callable
        Makes the torch module, uint8 (N, 3, size, size) to float32 (N, width), in evaluation; called only to convert.
    size : int
        px, side of its pictures.
    facts : tuple of str
        All that its rows depend on: its weights' hash, how it is built and fed.
    precision : {'f32', 'bf16'}

    Returns
    -------
    OpenVinoNet

    Raises
    ------
    ConversionError
        Where OpenVINO cannot run it.
    """
    key = _key(facts, precision)
    kept = machine_cache.read(KIND, key)
    if kept is not None:
        with suppress(ConversionError):  # of a kind that OpenVINO wrote and no longer reads: made again
            return OpenVinoNet(kept, precision=precision)
    kept = convert(net(), size=size, precision=precision)
    machine_cache.write(KIND, key, kept)
    return OpenVinoNet(kept, precision=precision)


def convert(net: Any, *, size: int, precision: Precision) -> bytes:
    """Trace, convert and compile a torch module, and try whether its rows depend on the size of the batch.

    Parameters
    ----------
    net : nn.Module
        uint8 (N, 3, size, size) to float32 (N, width).
    size : int
        px.
    precision : {'f32', 'bf16'}

    Returns
    -------
    bytes
        What `OpenVinoNet` reads.

    Raises
    ------
    ConversionError
        Where torch cannot trace it or OpenVINO has not what it needs.
    """
    import torch

    _openvino()
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    class OfPictures(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            return self.net(pictures.permute(0, 3, 1, 2)).flatten(1)

    example = torch.zeros((2, size, size, 3), dtype=torch.uint8)
    try:
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")  # torch says that it will replace its tracing one day
            trace = torch.jit.trace(OfPictures().eval(), example, check_trace=False)
            reader = FrontEndManager().load_by_framework("pytorch")
            # The decoder has to outlive the conversion.
            decoder = TorchScriptPythonDecoder(trace, example_input=(example,))
            graph = reader.convert(reader.load(decoder))
        graph.reshape([-1, size, size, 3])
        compiled = _core().compile_model(graph, "CPU", _settings(precision))
        exported = compiled.export_model().getvalue()
        net_of = OpenVinoNet(_STEADY + exported, precision=precision)
    except _failures() as error:
        reason = " ".join(str(error).split())[:200]
        raise ConversionError(f"{type(error).__name__}: {reason}") from None
    return (_STEADY if _is_steady(net_of, size) else _VARYING) + exported


def _is_steady(net: OpenVinoNet, size: int) -> bool:
    """Whether pictures one by one get the bits that they get in a full batch."""
    pictures = np.random.default_rng(0).integers(0, 256, (BATCH, size, size, 3), dtype=np.uint8)
    alone = np.concatenate([net(pictures[i : i + 1]) for i in range(BATCH)])
    return bool(np.array_equal(net(pictures), alone))


def _failures() -> tuple[type[Exception], ...]:
    """What torch and OpenVINO raise for a net that they cannot take."""
    frontend = _openvino().frontend
    of_frontend = (frontend.OpConversionFailure, frontend.GeneralFailure, frontend.NotImplementedFailure)
    return (RuntimeError, TypeError, ValueError, *of_frontend)


def _settings(precision: Precision) -> dict[str, Any]:
    """One thread: sums are split by thread, and the work is shared out between processes."""
    return {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": precision}


def _key(facts: tuple[str, ...], precision: Precision) -> str:
    """Name of what is kept: changes with the net, the code, the libraries and the processor."""
    return sha256(json.dumps([*facts, precision, *_surroundings()]).encode()).hexdigest()


@cache
def _surroundings() -> list[str]:
    """What a converted net depends on beside the net."""
    names = ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")
    processor = [str(_core().get_property("CPU", name)) for name in names]
    libraries = [version(name) for name in ("openvino", "torch", "timm")]
    return [fingerprint(*CODE), *processor, *libraries, sys.version]


@cache
def _core() -> Any:
    """OpenVINO, started once in a process."""
    return _openvino().Core()


def _openvino() -> Any:
    """The package, without its reporter: as it comes, each import and conversion tells a server on the network of it."""
    reporter = "openvino_telemetry"
    if "openvino" in sys.modules or reporter in sys.modules:
        return import_module("openvino")
    sys.modules[reporter] = None  # type: ignore[assignment]
    try:
        return import_module("openvino")  # which does without a reporter that cannot be imported
    finally:
        del sys.modules[reporter]
