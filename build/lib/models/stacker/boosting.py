"""LightGBM without the interface that it has for scikit-learn, which nothing here uses and which takes a second to import."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any


def lightgbm() -> Any:
    """The package, imported when it is first needed."""
    hidden = "sklearn"
    if "lightgbm" in sys.modules or hidden in sys.modules:
        return import_module("lightgbm")
    sys.modules[hidden] = None  # type: ignore[assignment]
    try:
        return import_module("lightgbm")  # which does without what cannot be imported
    finally:
        del sys.modules[hidden]
