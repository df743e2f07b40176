"""Packages that not every installation has, and what to install where one is missing."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from models.errors import UserError

OURS = ("features", "models", "pipeline")
# Of the modules that are imported here and that scoring does without.
EXTRAS = {
    "c2pa": "provenance",
    "distributed": "cluster",
    "fastapi": "serve",
    "pillow_heif": "heic",
    "prometheus_client": "serve",
    "python_multipart": "serve",
    "starlette": "serve",
    "uvicorn": "serve",
    **dict.fromkeys(
        ("diffusers", "dvc", "facenet_pytorch", "huggingface_hub", "matplotlib", "pyarrow"), "train"
    ),
    **dict.fromkeys(("scmrepo", "sklearn", "timm", "torch", "torchvision"), "train"),
}


class NotInstalled(UserError):
    """A package that is asked for something is not here; the message says how to get it."""

    @classmethod
    def by(cls, error: ModuleNotFoundError) -> NotInstalled | None:
        """What an import that failed says to a person; None where it is a bug.

        That is a module of ours, of Python's, or inside a package that is here. A package that no extra brings is one that
        scoring takes or that another package needs.
        """
        name, is_inside, _ = (error.name or "").partition(".")
        if not name or name in OURS or name in sys.stdlib_module_names:
            return None
        if is_inside and (name in sys.modules or find_spec(name) is not None):
            return None
        run = installing(EXTRAS[name]) if name in EXTRAS else "pip check, which names what packages lack"
        return cls(f"{name} is not installed, and this needs it; run: {run}")


def installing(extra: str) -> str:
    """The command that installs an extra."""
    return f"pip install -c constraints.txt -e '.[{extra}]'"
