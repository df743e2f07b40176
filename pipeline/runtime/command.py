"""How a stage is started from the command line."""

from __future__ import annotations

import sys
from importlib import import_module

from pipeline.dataset.lists import LabelError
from pipeline.runtime.engine import ClusterError
from pipeline.runtime.params import ParamsError
from pipeline.runtime.process import DeviceError
from pipeline.storage.feature_store import NotMadeError


def run(stage: str) -> None:
    """Run `pipeline.<stage>.main` as the module of that name; a user's mistake ends in one line, exit 2.

    Under `python -m` a module is called `__main__`, and worker processes find functions by module name.
    """
    try:
        status = import_module(f"pipeline.{stage}").main()
    except (ClusterError, DeviceError, LabelError, NotMadeError, ParamsError) as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(2) from None
    if status:
        raise SystemExit(status)
