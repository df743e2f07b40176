"""Memory that runs out says nothing about a picture: it is never a status."""

import errno
import io

import numpy as np
import pytest
import simplejpeg
from PIL import Image, ImageFile

from pipeline.dataset import file_facts
from pipeline.storage import pillow_files
from pipeline.storage.images import BadImage, decode, read_bytes
from tests.pipeline.hashed import hashed

PICTURE = np.zeros((8, 9, 3), np.uint8)


def saved(kind):
    buffer = io.BytesIO()
    Image.fromarray(PICTURE).save(buffer, kind)
    return buffer.getvalue()


def starved(error):
    def fail(*_, **__):
        raise error

    return fail


@pytest.mark.parametrize("error", [MemoryError(), OSError("out of memory when reading image file")])
@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_pillow_without_memory(monkeypatch, error, kind):
    monkeypatch.setattr(ImageFile.ImageFile, "load", starved(error))
    with pytest.raises(MemoryError, match="memory ended while it was decoded"):
        decode(saved(kind), max_pixels=100)


@pytest.mark.parametrize("error", [MemoryError(), ValueError("Insufficient memory (case 4)")])
def test_libjpeg_without_memory(monkeypatch, error):
    monkeypatch.setattr(simplejpeg, "decode_jpeg", starved(error))
    with pytest.raises(MemoryError):
        decode(saved("JPEG"), max_pixels=100)


def test_a_header_without_memory(monkeypatch):
    monkeypatch.setitem(pillow_files._PLUGINS, "bmp", starved(MemoryError()))
    with pytest.raises(MemoryError, match="memory ended while it was decoded"):
        decode(saved("BMP"), max_pixels=100)


@pytest.mark.parametrize("code", [errno.ENOMEM, errno.EMFILE])
def test_a_system_that_has_no_more_to_give(monkeypatch, code):
    monkeypatch.setattr("builtins.open", starved(OSError(code, "no more")))
    with pytest.raises(OSError, match="no more"):
        read_bytes("a.png")


def test_a_disk_that_cannot_be_read_is_the_files_own(monkeypatch):
    monkeypatch.setattr("builtins.open", starved(OSError(errno.EIO, "Input/output error")))
    with pytest.raises(BadImage, match="a.png cannot be read: Input/output error"):
        read_bytes("a.png")


def test_facts_without_memory_are_not_unknown_facts(monkeypatch, tmp_path):
    (tmp_path / "a.jpg").write_bytes(saved("JPEG"))
    file = hashed(tmp_path / "a.jpg")
    monkeypatch.setattr(simplejpeg, "decode_jpeg", starved(MemoryError()))
    with pytest.raises(MemoryError):
        file_facts.facts(file, max_pixels=100)
