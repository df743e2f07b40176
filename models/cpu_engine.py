"""OpenVINO, which runs nets on the CPU: whether it is here, what it can compute in, and how it is set up."""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from models.errors import UserError

Precision = Literal["f32", "bf16"]  # of a net's arithmetic on the CPU
WantedPrecision = Literal["auto", "f32", "bf16"]


class PrecisionError(UserError):
    """A precision that was asked for and that this processor or device has not."""


def is_installed() -> bool:
    """Whether OpenVINO is here."""
    return find_spec("openvino") is not None


@cache
def has_bf16() -> bool:
    """Whether OpenVINO computes in bfloat16 on this processor."""
    if not is_installed():
        return False
    return "BF16" in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


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


def settings(precision: Precision) -> dict[str, Any]:
    """How a net is compiled.

    On one thread: sums are split by thread, and the work is shared out between processes.
    """
    return {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": precision}


@cache
def core() -> Any:
    """OpenVINO, started once in a process."""
    return openvino().Core()


def openvino() -> Any:
    """The package, without its reporter: as it comes, each import and conversion tells a server on the network of it."""
    reporter = "openvino_telemetry"
    if "openvino" in sys.modules or reporter in sys.modules:
        return import_module("openvino")
    sys.modules[reporter] = None  # type: ignore[assignment]
    try:
        return import_module("openvino")  # which does without a reporter that cannot be imported
    finally:
        del sys.modules[reporter]


class CompiledNet:
    """A compiled net and the one request that runs it: calls from several threads take turns.

    Parameters
    ----------
    model : openvino.CompiledModel
    """

    def __init__(self, model: Any) -> None:
        self._model, self._busy = model, threading.Lock()
        self._request = model.create_infer_request()

    def __call__(self, inputs: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        """Run it once.

        Parameters
        ----------
        inputs : sequence of arrays
            As the net declares them.

        Returns
        -------
        float32 array
            The caller's own.
        """
        return self.every(inputs, outputs=1)[0]

    def every(self, inputs: Sequence[NDArray[Any]], *, outputs: int) -> list[NDArray[np.float32]]:
        """Run it once, for its first outputs; as a call, which gives the first."""
        with self._busy:
            answer = self._request.infer(list(inputs))
            return [np.array(answer[place]) for place in range(outputs)]

    def release_memory(self) -> None:
        """Give back what is kept between two calls; the next one takes it again."""
        with self._busy:
            self._model.release_memory()


def give_back() -> None:
    """Hand what loading and compiling took back to the system, several times the net; with glibc alone."""
    gc.collect(1)
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
