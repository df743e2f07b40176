"""The weights of one member of a net, as the bytes of their file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError

from models.nets.net_spec import REMEDY, NetError

if TYPE_CHECKING:
    import torch

State = dict[str, "torch.Tensor"]


@dataclass(frozen=True)
class SavedWeights:
    """The file of a member's weights, read when it is needed.

    Attributes
    ----------
    name : str
        What an error calls it.
    read : callable
        Its bytes: safetensors.
    """

    name: str
    read: Callable[[], bytes]

    @classmethod
    def of(cls, name: str, state: Mapping[str, torch.Tensor]) -> SavedWeights:
        """As they would be saved."""
        from safetensors.torch import save

        data = save({key: tensor.contiguous() for key, tensor in state.items()})
        return cls(name, lambda: data)

    @classmethod
    def at(cls, path: Path, read: Callable[[Path], bytes]) -> SavedWeights:
        """A file.

        Parameters
        ----------
        path : Path
        read : callable
            The bytes of a file; a bundle's checks their hash.

        Returns
        -------
        SavedWeights
        """
        return cls(str(path), partial(read, path))

    @cached_property
    def data(self) -> bytes:
        """The bytes. Raises NetError where the file is missing."""
        try:
            return self.read()
        except FileNotFoundError:
            raise NetError(f"{self.name} is missing, but net.json beside it names it; {REMEDY}") from None

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the bytes, in hexadecimal digits."""
        return hashlib.sha256(self.data).hexdigest()

    def state(self) -> State:
        """The tensors.

        Raises
        ------
        NetError
            Where the file is missing, damaged or holds a number that is not finite.
        """
        import torch
        from safetensors.torch import load

        try:
            state = load(self.data)
        except SafetensorError as error:
            raise NetError(f"{self.name} is damaged, it is no safetensors file: {error}; {REMEDY}") from None
        strange = [name for name, tensor in state.items() if not bool(torch.isfinite(tensor).all())]
        if strange:
            raise NetError(f"{self.name}: {strange[0]} holds numbers that are not finite; make the net again")
        return state
