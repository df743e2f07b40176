"""How a command is started from the shell."""

from __future__ import annotations

import sys
from importlib import import_module

from models.errors import UserError


def run(command: str) -> None:
    """Run `pipeline.<command>.main`; a user's mistake ends in one line and status 2, a bug in its traceback.

    Under `python -m` a module is called `__main__`, and worker processes find functions by module name.
    """
    try:
        status = import_module(f"pipeline.{command}").main()
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(2) from None
    if status:
        raise SystemExit(status)
