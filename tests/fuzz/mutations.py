"""Random damage to bytes: what transfer, disks and fuzzers do to a file."""

from __future__ import annotations

import random

EXTREME = (0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def damaged(data: bytes, rng: random.Random, *, others: list[bytes]) -> bytes:
    """A file with one to six kinds of damage.

    Parameters
    ----------
    data : bytes
    rng : random.Random
        Decides all of it.
    others : list of bytes
        Files that a part may come from.
    """
    result = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        if not result:
            break
        at = rng.randrange(len(result))
        kind = rng.randrange(9)
        if kind == 0:
            result[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            result[at] = rng.randrange(256)
        elif kind == 2:  # most of what decides stands at the start
            result[min(at, rng.randrange(1, 200)) % len(result)] = rng.choice((0, 1, 0x7F, 0x80, 0xFF))
        elif kind == 3:
            del result[at:]
        elif kind == 4:
            del result[at : at + rng.randint(1, 64)]
        elif kind == 5:
            result[at:at] = rng.randbytes(rng.randint(1, 64))
        elif kind == 6:
            result[at:at] = result[at : at + rng.randint(1, 4096)]
        elif kind == 7:
            size = rng.choice((2, 4))
            value = rng.choice(EXTREME) & (256**size - 1)
            result[at : at + size] = value.to_bytes(size, rng.choice(("big", "little")))
        else:
            other = rng.choice(others)
            cut = rng.randrange(len(other) + 1)
            result[at:] = other[cut:]
    return bytes(result)
