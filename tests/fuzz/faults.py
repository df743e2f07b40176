"""What this command calls a fault."""

from __future__ import annotations


class Fault(Exception):
    """The product did what it promises never to do."""


def demand(holds: object, what: object) -> None:
    """Raise Fault, saying what, unless it holds."""
    if not holds:
        raise Fault(str(what))
