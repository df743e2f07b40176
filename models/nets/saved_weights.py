"""The weights of one member of a net, as the bytes of their file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from models.nets.net_spec import REMEDY, NetError

State = dict[str, torch.Tensor]


@dataclass(frozen=True)
class SavedWeights:
    """The file of a member's weights.

    Attributes
    ----------
    name : str
        What an error calls it.
    data : bytes
        safetensors.
    """

    name: str
    data: bytes

    @classmethod
    def of(cls, name: str, state: State) -> SavedWeights:
        """As they would be saved."""
        return cls(name, save({key: tensor.contiguous() for key, tensor in state.items()}))

    @classmethod
    def read(cls, path: Path, read: Callable[[Path], bytes]) -> SavedWeights:
        """Read the file, whole or not.

        Parameters
        ----------
        path : Path
        read : callable
            The bytes of a file; a bundle's checks their hash.

        Returns
        -------
        SavedWeights

        Raises
        ------
        NetError
            Where it is missing.
        """
        try:
            return cls(str(path), read(path))
        except FileNotFoundError:
            raise NetError(f"{path} is missing, but net.json beside it names it; {REMEDY}") from None

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the bytes, in hexadecimal digits."""
        return hashlib.sha256(self.data).hexdigest()

    def state(self) -> State:
        """The tensors.

        Raises
        ------
        NetError
            Where the file is damaged or holds a number that is not finite.
        """
        try:
            state = load(self.data)
        except SafetensorError as error:
            raise NetError(f"{self.name} is damaged, it is no safetensors file: {error}; {REMEDY}") from None
        strange = [name for name, tensor in state.items() if not bool(torch.isfinite(tensor).all())]
        if strange:
            raise NetError(f"{self.name}: {strange[0]} holds numbers that are not finite; make the net again")
        return state
