"""A file as stage manifest would see it now."""

import hashlib
from pathlib import Path

from pipeline.storage.hashed_files import HashedFile


def hashed(path: str | Path) -> HashedFile:
    return HashedFile(str(path), hashlib.sha256(Path(path).read_bytes()).hexdigest())
