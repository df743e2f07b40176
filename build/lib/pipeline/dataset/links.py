"""Which links are followed: those to another place, not those that lead up to what holds them."""

from __future__ import annotations

import os


def is_within(path: str, folder: str) -> bool:
    """Whether a path lies below a folder, as text; both absolute and normalised."""
    return path.startswith(folder.rstrip(os.sep) + os.sep)


def leads_up(link: str, *, root: str) -> bool:
    """Whether a linked folder lies outside the root and holds the root, or the link itself.

    Nobody keeps images in such a place. Followed, one such link (to `/`, say) would make every file of the machine
    part of the folder that it lies in.

    Parameters
    ----------
    link : str
        Path of the link.
    root : str
        Real path of the folder to which everything belongs.
    """
    target, place = os.path.realpath(link), os.path.realpath(os.path.dirname(link) or ".")
    inside = target == root or is_within(target, root)
    return not inside and (is_within(root, target) or place == target or is_within(place, target))
