"""A net on the CPU by OpenVINO: compiled for this processor once, and kept on the machine for every later process.

Measured for tf_efficientnet_lite0 at 192 px on one thread of an AVX2 machine: 9.6 ms a picture instead of 28.6 with
torch's own compiler, and 38 MB. Pictures go one by one: in batches of eight each takes 11.2 ms, and the net 85 MB.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import cpu_engine, machine_cache
from models.cpu_engine import Precision
from models.fingerprint import fingerprint
from models.nets.graph import Graph
from models.nets.joined import join

KIND = "nets"  # in the machine's cache
JOINING = "models.nets.joined:join"


class ConversionError(RuntimeError):
    """A net that OpenVINO cannot run; the caller has another way."""

    @classmethod
    def by(cls, error: Exception) -> ConversionError:
        """What OpenVINO or the reading of a net for it says, in a line."""
        if isinstance(error, cls):
            return error
        return cls(f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")


class OpenVinoNet:
    """The mean of some nets of the same make, compiled as one. A row's bits depend on its picture alone.

    Parameters
    ----------
    compiled : CompiledModel
        From one uint8 picture, (1, size, size, 3), to a float32 row of each net.

    Attributes
    ----------
    width : int
        Numbers of a row.
    """

    def __init__(self, compiled: Any) -> None:
        self._run = cpu_engine.CompiledNet(compiled)
        widths = {int(output.get_partial_shape()[1].get_length()) for output in compiled.outputs}
        if len(widths) > 1:
            raise RuntimeError(f"nets of {' and '.join(map(str, sorted(widths)))} numbers")
        self._nets, self.width = len(compiled.outputs), widths.pop()

    def __call__(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Compute a row for each picture.

        Parameters
        ----------
        pictures : uint8 array, shape (n, size, size, 3), RGB

        Returns
        -------
        float32 array, shape (n, width)
        """
        rows = np.empty((len(pictures), self.width), np.float32)
        for place in range(len(pictures)):
            picture = np.ascontiguousarray(pictures[place : place + 1])
            rows[place] = np.sum(self._run.every([picture], outputs=self._nets), axis=0)[0]
        return rows / np.float32(self._nets)

    def release_memory(self) -> None:
        """Give back what is kept between two pictures; the next one takes it again."""
        self._run.release_memory()


def load(graphs: Sequence[Graph], *, precision: Precision) -> OpenVinoNet:
    """Compile nets as one for this processor, or take them from the machine's cache.

    Parameters
    ----------
    graphs : sequence of Graph
        One at least.
    precision : {'f32', 'bf16'}

    Returns
    -------
    OpenVinoNet

    Raises
    ------
    ConversionError
        Where OpenVINO does not take a graph, or they are not of one make.
    """
    made = compiled(
        lambda: join(graphs),
        facts=" ".join([fingerprint(JOINING), *(graph.digest for graph in graphs)]),
        precision=precision,
    )
    try:
        return OpenVinoNet(made)
    except RuntimeError as error:  # a graph without the output of a net
        raise ConversionError.by(error) from None


def compiled(model: Callable[[], Any], *, facts: str, precision: Precision) -> Any:
    """Compile a model for this processor, or take it from the machine's cache.

    Parameters
    ----------
    model : callable
        Makes the OpenVINO model; called only to compile it.
    facts : str
        All that the model depends on.
    precision : {'f32', 'bf16'}

    Returns
    -------
    CompiledModel

    Raises
    ------
    ConversionError
        Where OpenVINO does not take it.
    """
    key = _key(facts, precision)
    kept = machine_cache.read(KIND, key)
    if kept is not None:
        with suppress(RuntimeError):  # of a kind that OpenVINO wrote and no longer reads: made again
            return cpu_engine.core().import_model(io.BytesIO(kept), "CPU", cpu_engine.settings(precision))
    try:
        made = cpu_engine.core().compile_model(model(), "CPU", cpu_engine.settings(precision))
    except RuntimeError as error:
        raise ConversionError.by(error) from None
    machine_cache.write(KIND, key, made.export_model().getvalue())
    return made


def _key(facts: str, precision: Precision) -> str:
    """Name of what is kept: changes with the net, the library and the processor."""
    return sha256(json.dumps([facts, precision, *_surroundings()]).encode()).hexdigest()


@cache
def _surroundings() -> list[str]:
    """What a compiled net depends on beside the net."""
    names = ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")
    processor = [str(cpu_engine.core().get_property("CPU", name)) for name in names]
    return [version("openvino"), *processor]
