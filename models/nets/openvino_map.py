"""What each place of a picture adds to a net's logits, without torch: OpenVINO gives the features, arithmetic the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import cpu_engine
from models.nets.graph import Graph
from models.nets.openvino_net import ConversionError, compiled

_SHAPES = ("Reshape", "Squeeze")  # the same numbers in another shape
_MEANS = ("AdaptiveAvgPool", "ReduceMean")


@dataclass(frozen=True)
class LinearHead:
    """The end of a net: the mean of its last features over the places, perhaps brought to length 1, then one linear layer.

    Attributes
    ----------
    weights : float32 array, shape (heads, C)
    is_unit : bool
        Whether the mean is brought to length 1 first.
    """

    weights: NDArray[np.float32]
    is_unit: bool

    def slopes(self, mean: NDArray[np.float32]) -> NDArray[np.float32]:
        """Slope of each logit by the mean feature, (heads, C), at `mean`, (C,)."""
        length = np.linalg.norm(mean)
        if not self.is_unit or length == 0:
            return self.weights
        unit = mean / length
        along = self.weights @ unit
        return np.asarray((self.weights - along[:, None] * unit) / length, np.float32)


class OpenVinoMap:
    """A member of a net that tells what each place of a picture adds to its logits.

    Parameters
    ----------
    graph : Graph

    Raises
    ------
    ConversionError
        Where its end is not a `LinearHead`, or OpenVINO does not take it.
    """

    def __init__(self, graph: Graph) -> None:
        try:
            model = cpu_engine.core().read_model(graph.layers, graph.constants)
        except RuntimeError as error:
            raise ConversionError.by(error) from None
        self.head, features = _head(model)
        model.add_outputs(features)
        facts = f"{graph.digest} and its features"
        self._run = cpu_engine.CompiledNet(compiled(lambda: model, facts=facts, precision="f32"))

    def __call__(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Work out the logits place by place.

        Parameters
        ----------
        picture : uint8 array, shape (size, size, 3), RGB

        Returns
        -------
        float32 array, shape (heads, h, w)
            Their mean over the places is the logits.
        """
        (logits,), (features,) = self._run.every([np.ascontiguousarray(picture[None])], outputs=2)
        flat = features.reshape(len(features), -1)
        mean = flat.mean(axis=1)
        parts = self.head.slopes(mean) @ flat
        rest = logits - parts.mean(axis=1)  # the bias, and what is not linear
        return np.asarray((parts + rest[:, None]).reshape(len(logits), *features.shape[1:]), dtype=np.float32)


def _head(model: Any) -> tuple[LinearHead, Any]:
    """The end of a model, read from its logits backwards, and the output that is its last features, (1, C, h, w).

    Raises
    ------
    ConversionError
        Where it ends otherwise.
    """
    node = _before(model.get_results()[0])
    if node.get_type_name() == "Add":  # the bias
        node = _before(node)
    weights = node.input_value(1).get_node() if node.get_type_name() == "MatMul" else None
    if weights is None or weights.get_type_name() != "Constant" or not node.get_attributes()["transpose_b"]:
        raise _other(node)
    node = _before(node)
    is_unit = node.get_type_name() == "Divide"
    if is_unit:
        mean = _before(node)
        if not _is_length(node.input_value(1).get_node(), of=mean):
            raise _other(node)
        node = mean
    features = node.input_value(0)
    sides = [dimension.get_max_length() for dimension in node.output(0).get_partial_shape()][2:]
    if node.get_type_name() not in _MEANS or features.get_partial_shape().rank != 4 or sides != [1, 1]:
        raise _other(node)
    return LinearHead(np.array(weights.get_data(), np.float32), is_unit), features


def _before(node: Any) -> Any:
    """What a node's first input comes from, whatever shape it was given on the way."""
    node = node.input_value(0).get_node()
    while node.get_type_name() in _SHAPES:
        node = node.input_value(0).get_node()
    return node


def _is_length(node: Any, *, of: Any) -> bool:
    """Whether a node is the length of a vector, kept away from 0, once for each of its numbers."""
    for name in ("Broadcast", "Maximum", "ReduceL2"):
        if node.get_type_name() != name:
            return False
        node = _before(node) if name == "ReduceL2" else node.input_value(0).get_node()
    return bool(node.get_friendly_name() == of.get_friendly_name())


def _other(node: Any) -> ConversionError:
    return ConversionError(
        f"its logits come from {node.get_type_name()}, not from one linear layer over a mean"
    )
