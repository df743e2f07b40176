"""Signed pictures, damaged where their Content Credentials lie and elsewhere: told in one of four states, never an exception."""

from __future__ import annotations

import random
from importlib.util import find_spec
from typing import get_args

from pipeline.serving.content_credentials import LONGEST, MOST, Status, read_credentials
from tests.fuzz.faults import demand
from tests.fuzz.mutations import damaged
from tests.pipeline.serving.signed import MIME, plain, signed

AROUND = 16_384  # bytes behind the first mark: the credentials themselves


class Credentials:
    """Damaged files; without c2pa-python they are plain pictures, and nothing is read of them."""

    def __init__(self) -> None:
        make_one = signed if find_spec("c2pa") else plain
        self.files = [make_one(kind) for kind in MIME]
        if find_spec("c2pa"):
            self.files.append(signed(address="http://127.0.0.1:9/m.c2pa"))

    def check(self, rng: random.Random) -> str:
        """One file."""
        data = rng.choice(self.files)
        start = max(data.find(b"c2pa") - 200, 0)
        end = start + AROUND if rng.random() < 0.6 else len(data)
        found = read_credentials(data[:start] + damaged(data[start:end], rng, others=self.files) + data[end:])
        if found is None:
            return "not read"
        demand(found.status in get_args(Status), found)
        told = (found.signer, found.tool, *found.sources, *found.problems)
        demand(all(value.isprintable() and len(value) <= LONGEST for value in told), told)
        demand(max(len(found.sources), len(found.problems)) <= MOST, told)
        return found.status


def make() -> Credentials:
    """The files."""
    return Credentials()
