"""The stages and commands, and what they share.

Our packages have plain names. A file `features.py` or `models.py` in the caller's folder would take their place, and
fail somewhere deep with a message that says nothing: so it is looked for here, at the door.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_IS_COMMAND = sys.argv[:1] == ["-m"]  # Python is about to run one of our commands


def _refuse_others() -> None:
    for name in ("features", "models"):
        if _IS_COMMAND and _found(name) != _ROOT / name:
            sys.path.insert(0, str(_ROOT))  # the caller's file has no business in a command of ours
        if _found(name) != _ROOT / name:
            raise ImportError(
                f"{_found(name)} would be imported as '{name}', which is a package of faketrace ({_ROOT / name}); rename "
                "that file, or run from another folder"
            )


def _found(name: str) -> Path | None:
    """The file or folder that is imported under this name."""
    loaded = sys.modules.get(name)
    spec = find_spec(name) if loaded is None else getattr(loaded, "__spec__", None)
    if spec is None:
        return None
    place = Path(next(iter(spec.submodule_search_locations or [spec.origin])))
    return place.resolve()


_refuse_others()
if _IS_COMMAND:
    from pipeline.runtime.command import prepare

    prepare()
