"""What a bundle is called: a version that no two bundles share."""

from __future__ import annotations

import hashlib
from pathlib import Path

from models.bundle_files import read_record


def version_of(folder: Path) -> str:
    """First 12 hex digits of the SHA-256 of a bundle's record, which names the hash of every part."""
    return hashlib.sha256(read_record(folder)).hexdigest()[:12]
