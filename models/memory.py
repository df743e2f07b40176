"""Memory that is freed is kept for the next tensor."""

from __future__ import annotations

import ctypes

# glibc's <malloc.h>
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
_TOP_PAD = 64 << 20


def keep_memory() -> None:
    """Tell glibc not to give freed blocks back to the system; nothing happens with another C library.

    By default each large tensor is mapped, zeroed and unmapped again. Measured on two cores: a training
    step of MobileNetV2 takes 14.8 ms an image with that and 9.4 ms without.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(_M_TOP_PAD, _TOP_PAD)
