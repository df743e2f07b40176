"""Names that one file has on other systems: Unicode forms, upper and lower case, backslashes."""

from __future__ import annotations

import os
import posixpath
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

SHOWN_CHARACTERS = 120


def shown(text: str) -> str:
    """A name for a message: on one line, cut where it is long; bytes that are not UTF-8 as backslash codes."""
    if len(text) <= SHOWN_CHARACTERS and text.isprintable():
        return text
    readable = text[:SHOWN_CHARACTERS].encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    plain = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in readable)
    return plain if len(text) <= SHOWN_CHARACTERS else f"{plain}… ({len(text):,} characters)"


def quoted(text: str) -> str:
    """`shown` in quotes."""
    return f"'{shown(text)}'"


def is_utf8(name: str) -> bool:
    """Whether a name, as the system gives it, is UTF-8 on the disk."""
    return name.isascii() or not any("\ud800" <= character <= "\udfff" for character in name)


def composed(name: str) -> str:
    """The name in the Unicode form NFC: macOS and archives made there write accents as characters of their own."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def folded(name: str) -> str:
    """What the spellings of a name have in common: NFC, lower case, no spaces about it."""
    return composed(composed(name).lower()).strip()


def slashed(name: str) -> str:
    """The name with slashes where Windows writes backslashes."""
    return name.replace("\\", "/")


def difference(listed: str, found: str) -> str:
    """In what two spellings of a name differ, in words."""
    words = []
    for word, form in (("backslashes", slashed), ("Unicode form", composed), ("case", str.lower)):
        if (form(listed), form(found)) != (listed, found):
            words.append(word)
        listed, found = form(listed), form(found)
        if listed == found:
            break
    else:
        words.append("spaces")
    return " and ".join(words)


@dataclass
class SpellingIndex:
    """What a name may mean under another spelling; each folder is read once, when a name is first missed."""

    _entries: dict[tuple[int, int], dict[str, list[str]]] = field(default_factory=dict)
    _folders: dict[tuple[str, str], dict[str, os.stat_result]] = field(default_factory=dict)

    def find(self, folder: str, name: str) -> dict[str, os.stat_result]:
        """Look for the other spellings of a name.

        Parameters
        ----------
        folder : str
            Where the name starts.
        name : str
            Relative, normalised, with slashes; it may start with `..`.

        Returns
        -------
        dict of str to stat_result
            Paths of the different files and folders that differ from the name only by spelling, and what the system
            says of them. Two links to one file are one file.
        """
        parts = name.split("/")
        while parts and parts[0] == "..":
            folder, parts = posixpath.dirname(folder) or ".", parts[1:]
        if not parts:
            return {}
        above = "/".join(parts[:-1])
        folders = self._folders.get((folder, above))
        if folders is None:
            folders = _different([folder])
            for part in parts[:-1]:
                folders = self._inside(folders, part)
            if folders:  # many names share it
                self._folders[folder, above] = folders
        return self._inside(folders, parts[-1])

    def _inside(self, folders: dict[str, os.stat_result], name: str) -> dict[str, os.stat_result]:
        """What some folders hold under the spellings of a name."""
        return _different(
            os.path.join(place, other)
            for place, facts in folders.items()
            for other in self._entries_of(place, facts).get(folded(name), ())
        )

    def _entries_of(self, folder: str, facts: os.stat_result) -> dict[str, list[str]]:
        identity = facts.st_dev, facts.st_ino
        if identity not in self._entries:
            self._entries[identity] = _read(folder)
        return self._entries[identity]


def nearest(paths: list[str], name: str) -> list[str]:
    """The one of several spellings that differs by its Unicode form alone, if there is one; else all of them."""
    same_case = [path for path in paths if composed(path).endswith("/" + composed(name))]
    return same_case if len(same_case) == 1 else paths


def _read(folder: str) -> dict[str, list[str]]:
    """The names in a folder by what their spellings have in common; nothing of what is closed or no folder."""
    entries: dict[str, list[str]] = {}
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return entries
    for name in names:
        entries.setdefault(folded(name), []).append(name)
    return entries


def _different(paths: Iterable[str]) -> dict[str, os.stat_result]:
    """One path of each file or folder that is there."""
    first: dict[tuple[int, int], tuple[str, os.stat_result]] = {}
    for path in paths:
        try:
            facts = os.stat(path)
        except (OSError, ValueError):
            continue
        first.setdefault((facts.st_dev, facts.st_ino), (path, facts))
    return dict(first.values())
