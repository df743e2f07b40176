"""Python processes that find only what a smaller installation has: they and their children import no package of an extra."""

from __future__ import annotations

import configparser
import importlib.metadata
import os
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Python imports it at its start. A module that is hidden is one that no finder knows, as where it is not installed: None in
# sys.modules would be another thing to whoever looks there, as scipy does.
_HIDING = """
import re, sys
from importlib.machinery import PathFinder
MODULES, PACKAGES = {modules!r}, {packages!r}

class Installed(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in MODULES else super().find_spec(name, path, target)

    @classmethod
    def find_distributions(cls, *context):
        for found in super().find_distributions(*context):
            if found.name.lower().replace("_", "-") not in PACKAGES:
                yield found

sys.meta_path[sys.meta_path.index(PathFinder)] = Installed
"""


def packages_of(extra: str) -> set[str]:
    """Names of the packages that an extra of setup.cfg has and the base has not."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    base, more = config["options"]["install_requires"], config["options.extras_require"][extra]
    return _names(more) - _names(base)


def _names(lines: str) -> set[str]:
    return {re.split(r"[ <>=!,;]", line)[0].lower() for line in lines.split("\n") if line}


def modules_of(packages: set[str]) -> set[str]:
    """What they are imported as."""
    owners = importlib.metadata.packages_distributions()
    return {name for name, of in owners.items() if {o.lower().replace("_", "-") for o in of} & packages}


def without(extra: str, folder: Path) -> dict[str, str]:
    """The environment of a process for which the packages of an extra are not installed.

    Parameters
    ----------
    extra : str
    folder : Path
        Empty, for a file that Python reads.
    """
    packages = packages_of(extra)
    modules = modules_of(packages)
    (folder / "sitecustomize.py").write_text(_HIDING.format(modules=modules, packages=packages))
    return {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
