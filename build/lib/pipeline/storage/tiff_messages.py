"""What libtiff has to say of a file, for the file's remark instead of the terminal."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from PIL import Image

MOST_MESSAGES, MOST_BYTES = 3, 200
_Handler = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)
_heard = threading.local()


@contextmanager
def collected() -> Iterator[list[str]]:
    """Errors that libtiff reports in this thread: the first few, each once.

    Where Pillow's libtiff cannot be reached, the list stays empty and libtiff prints as it always did.
    """
    _install()
    messages: list[str] = []
    _heard.messages = messages
    try:
        yield messages
    finally:
        _heard.messages = None


@cache
def _install() -> object:
    """Put our handler into the libtiff that Pillow is linked with; the result keeps it alive."""
    try:
        libtiff, libc = ctypes.CDLL(Image.core.__file__), ctypes.CDLL(None)
        register, vsnprintf = libtiff.TIFFSetErrorHandler, libc.vsnprintf
    except (AttributeError, OSError):
        return None

    def heard(_: bytes, message: bytes, arguments: int) -> None:
        messages = getattr(_heard, "messages", None)
        if messages is not None and len(messages) < MOST_MESSAGES:
            text = ctypes.create_string_buffer(MOST_BYTES)
            vsnprintf(text, ctypes.c_size_t(MOST_BYTES), message, ctypes.c_void_p(arguments))
            said = text.value.decode("utf-8", "replace").strip().rstrip(".")
            if said not in messages:
                messages.append(said)

    handler = _Handler(heard)
    register.restype, register.argtypes = ctypes.c_void_p, [_Handler]
    register(handler)
    return handler
