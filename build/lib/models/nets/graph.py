"""A net as OpenVINO reads it, without torch: what `convert` makes of a torch module, as files beside its weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path


@dataclass(frozen=True)
class Graph:
    """A net from uint8 pictures, (1, size, size, 3), to float32 rows, (1, width).

    Attributes
    ----------
    layers : bytes
        OpenVINO's XML: the layers and where their constants lie.
    constants : bytes
        The weights among them.
    """

    layers: bytes
    constants: bytes

    @cached_property
    def digest(self) -> str:
        """SHA-256 of both, in hexadecimal digits."""
        return sha256(sha256(self.layers).digest() + sha256(self.constants).digest()).hexdigest()

    def save(self, folder: Path, index: int) -> None:
        """Write the files of one member of a net."""
        for path, data in zip(_files(folder, index), (self.layers, self.constants), strict=True):
            path.write_bytes(data)

    @staticmethod
    def remove(folder: Path, index: int) -> None:
        """Remove the files of one member of a net, where there are any."""
        for path in _files(folder, index):
            path.unlink(missing_ok=True)

    @classmethod
    def read(cls, folder: Path, index: int, read: Callable[[Path], bytes]) -> Graph | None:
        """Read the files of one member of a net.

        Parameters
        ----------
        folder : Path
            Of the net.
        index : int
            Of the member.
        read : callable
            The bytes of a file; a bundle's checks their hash.

        Returns
        -------
        Graph or None
            None where there are none: the net was made where OpenVINO is not, or does not run it.
        """
        files = _files(folder, index)
        if not all(path.is_file() for path in files):
            return None
        return cls(*map(read, files))


def _files(folder: Path, index: int) -> tuple[Path, Path]:
    """Of layers and constants."""
    return folder / f"member{index}.xml", folder / f"member{index}.bin"
