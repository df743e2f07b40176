"""Packages that not every installation has, and what to install where one is missing."""

from __future__ import annotations

import sys

from models.errors import UserError

OURS = ("features", "models", "pipeline")
# Of modules that scoring does without; the extra `train` has all others.
EXTRAS = {
    "c2pa": "provenance",
    "distributed": "cluster",
    "fastapi": "serve",
    "pillow_heif": "heic",
    "prometheus_client": "serve",
    "python_multipart": "serve",
    "starlette": "serve",
    "uvicorn": "serve",
}


class NotInstalled(UserError):
    """A package that is asked for something is not here; the message says how to get it."""

    @classmethod
    def by(cls, error: ModuleNotFoundError) -> NotInstalled | None:
        """What an import that failed says to a person; None where the module is one of ours or Python's: a bug."""
        name = (error.name or "").partition(".")[0]
        if not name or name in OURS or name in sys.stdlib_module_names:
            return None
        return cls(
            f"{name} is not installed, and this needs it; run: {installing(EXTRAS.get(name, 'train'))}"
        )


def installing(extra: str) -> str:
    """The command that installs an extra."""
    return f"pip install -c constraints.txt -e '.[{extra}]'"
