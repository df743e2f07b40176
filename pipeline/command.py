"""How a stage is started from the command line."""

from __future__ import annotations

import sys
from importlib import import_module

from models.process import DeviceError
from pipeline.labels import LabelError
from pipeline.parallel import ClusterError
from pipeline.params import ParamsError
from pipeline.store import NotMadeError


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
