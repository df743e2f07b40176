"""Picture files of every format that is read, damaged: decoded alike by every reader, or refused with a reason."""

from __future__ import annotations

import io
import random
import tempfile
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from models.bundle_info import sha256
from pipeline.dataset import file_facts
from pipeline.storage.hashed_files import HashedFile
from pipeline.storage.images import BadImage, decode, probe
from tests.fuzz.faults import demand
from tests.fuzz.mutations import damaged

MAX_PIXELS = 4_000_000
PROGRAMS = (
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 40\n(%pipe%fuzz-was-here) (w) file\nshowpage\n%%EOF\n"
)


def drawn(rng: np.random.Generator, side: int = 48) -> np.ndarray:
    """A smooth picture with some grain, uint8 (side, side, 3)."""
    coarse = rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)
    large = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    return np.clip(large + rng.integers(-9, 10, large.shape), 0, 255).astype(np.uint8)


def seeds() -> list[bytes]:
    """One file of each kind."""
    rng = np.random.default_rng(0)
    rgb = Image.fromarray(drawn(rng))
    exif = Image.Exif()
    exif[0x0112] = 6
    alpha = rgb.copy()
    alpha.putalpha(Image.fromarray(drawn(rng)[..., 0]))
    deep = Image.fromarray(rng.integers(0, 65536, (40, 40)).astype(np.uint16))
    plans = [
        (rgb, {"format": "JPEG", "quality": 85, "exif": exif}),
        (rgb, {"format": "JPEG", "progressive": True, "subsampling": 0}),
        (rgb.convert("L"), {"format": "JPEG"}),
        (rgb.convert("CMYK"), {"format": "JPEG"}),
        (rgb, {"format": "PNG", "exif": exif}),
        (rgb.convert("P"), {"format": "PNG"}),
        (alpha, {"format": "PNG"}),
        (deep, {"format": "PNG"}),
        (rgb, {"format": "WEBP", "exif": exif}),
        (alpha, {"format": "WEBP", "lossless": True}),
        (rgb.convert("P"), {"format": "GIF", "save_all": True, "append_images": [rgb.convert("P")]}),
        (rgb, {"format": "BMP"}),
        (rgb, {"format": "TIFF", "compression": "tiff_lzw"}),
        (rgb, {"format": "TIFF", "compression": "jpeg"}),
        (rgb, {"format": "JPEG2000"}),
        (rgb, {"format": "AVIF"}),
        (rgb, {"format": "PPM"}),
        (deep, {"format": "PPM"}),
    ]
    files = [PROGRAMS, b"Pf\n4 4\n-1.0\n" + rng.random(16, np.float32).tobytes()]
    for image, options in plans:
        file = io.BytesIO()
        image.save(file, **options)
        files.append(file.getvalue())
    return files


class Pictures:
    """Damaged files."""

    def __init__(self, folder: Path) -> None:
        self.files, self.path = seeds(), folder / "picture.jpg"

    def check(self, rng: random.Random) -> str:
        """One input; any exception but BadImage is a fault."""
        data = damaged(rng.choice(self.files), rng, others=self.files)
        try:
            picture = decode(data, max_pixels=MAX_PIXELS)
        except BadImage as bad:
            demand(bad.status and bad.detail, "a refusal without a reason")
            return bad.status
        height, width, channels = picture.pixels.shape
        demand(picture.pixels.dtype == np.uint8 and channels == 3, picture.pixels.shape)
        demand(width * height <= MAX_PIXELS, picture.pixels.shape)
        demand(all(note.isprintable() and len(note) < 1000 for note in picture.notes), picture.notes)
        look = probe(data, max_pixels=MAX_PIXELS)
        demand((look.width, look.height) == (width, height), "two readers, two sizes")
        self.path.write_bytes(data)
        facts = file_facts.facts(HashedFile(str(self.path), sha256(self.path)), max_pixels=MAX_PIXELS)
        demand(facts is not None and len(facts) == len(file_facts.COLUMNS), "decoded, but without facts")
        return "decoded with remarks" if picture.notes else "decoded"


def make() -> Pictures:
    """With a folder that lasts as long as the process."""
    return Pictures(Path(tempfile.mkdtemp(prefix="fuzz-")))
