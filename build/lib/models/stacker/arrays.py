"""The arrays of a bundle's file, checked by name."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load


def read_arrays(data: bytes, *, file: str, names: Collection[str]) -> dict[str, NDArray[np.generic]]:
    """Read safetensors bytes that hold arrays of these names and no others.

    Parameters
    ----------
    data : bytes
        Of the whole file.
    file : str
        What messages call it.
    names : collection of str

    Returns
    -------
    dict of str to array
        By name, in the order of the alphabet.

    Raises
    ------
    ValueError
        For other bytes, numbers of a type that numpy has not, or other names.
    """
    try:
        arrays = load(data)
    except (SafetensorError, TypeError, KeyError) as error:  # the last two: a type that numpy has not
        raise ValueError(f"{file} is no safetensors file of numbers: {error}") from None
    if arrays.keys() != set(names):
        raise ValueError(f"{file} holds {', '.join(sorted(arrays))} instead of {', '.join(sorted(names))}")
    return dict(sorted(arrays.items()))
