"""How a command is started from the shell, and how it ends."""

from __future__ import annotations

import errno
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import FrameType, TracebackType

from models.errors import UserError
from pipeline.runtime.extras import NotInstalled
from pipeline.storage.file_names import readable

AGAIN = "run the same command again"
_GONE = "a drive or machine went away; bring it back and " + AGAIN
_RIGHTS = "give this user the right to it (chmod, chown), or use another place"
_SPACE = "free some space or use another place, then " + AGAIN
ADVICE = {
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EFBIG: "allow larger files (`ulimit -f`) or use another place",
    errno.EROFS: "use a place that can be written, or mount it for writing",
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EIO: "the disk or drive has a fault; use another one",
    errno.ENAMETOOLONG: "use shorter names of files and folders",
    errno.EMFILE: "allow more open files (`ulimit -n`), or set compute.workers lower",
    errno.ENFILE: "close other programs, or set compute.workers lower",
    errno.ENOMEM: "close other programs, or set compute.workers lower",
    **dict.fromkeys((errno.ESTALE, errno.ENODEV, errno.ENXIO, errno.ENOTCONN, errno.EHOSTDOWN), _GONE),
}
MESSAGE_LINES = 20
LINE_CHARACTERS = 1000
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


class Stopped(BaseException):
    """The system asks this process to end: SIGTERM or SIGHUP. Like KeyboardInterrupt, no `except Exception` holds it up."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped(number)


def prepare() -> None:
    """End in a line while a command still imports, which takes seconds; later `run` sees to it."""
    sys.excepthook = _last_word
    for number in _unattended():
        signal.signal(number, _stop)


def _last_word(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    end(error)
    sys.__excepthook__(kind, error, trace)


def _unattended() -> list[signal.Signals]:
    """Signals that would end this process at once; one that is ignored (nohup) goes on being ignored."""
    return [
        number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) == signal.SIG_DFL
    ]


@contextmanager
def _stoppable() -> Iterator[None]:
    """SIGTERM and SIGHUP unwind the work, so that unfinished files go."""
    taken = _unattended()
    for number in taken:
        signal.signal(number, _stop)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def run(command: str) -> None:
    """Run `pipeline.<command>.main`.

    A user's mistake and a package that is not installed end in one line and status 2, what the machine refuses in one line and status 1, a signal in one
    line and 128 + its number, a bug in its traceback. Under `python -m` a module is called `__main__`, and worker
    processes find functions by module name.
    """
    with _stoppable():
        try:
            status = import_module(f"pipeline.{command}").main()
            if sys.stdout is not None:
                sys.stdout.flush()  # a full disk behind `> file` shows here
        except (
            UserError,
            ModuleNotFoundError,
            OSError,
            MemoryError,
            KeyboardInterrupt,
            Stopped,
        ) as error:
            end(error)
            raise
    if status:
        raise SystemExit(status)


def end(error: BaseException) -> None:
    """End with one line on stderr and a status; return where it is a bug, whose traceback is wanted."""
    ending = _ending(error)
    if ending is None:
        return
    status, message = ending
    _let_go_of_stdout()
    if sys.stderr is not None:
        sys.stderr.write(f"error: {bounded(message)}\n")
    raise SystemExit(status) from None


def _ending(error: BaseException) -> tuple[int, str] | None:
    """Status and message; None for a bug."""
    if isinstance(error, ModuleNotFoundError):
        error = NotInstalled.by(error) or error
    if isinstance(error, UserError):
        return 2, str(error)
    if isinstance(error, KeyboardInterrupt):
        return 128 + signal.SIGINT, f"stopped by Ctrl-C, unfinished files are removed; {AGAIN}"
    if isinstance(error, Stopped):
        return (
            128 + error.number,
            f"stopped by {signal.Signals(error.number).name}, unfinished files are removed; {AGAIN}",
        )
    if isinstance(error, MemoryError):
        return 1, f"{str(error) or 'out of memory'}; {ADVICE[errno.ENOMEM]}"
    if isinstance(error, BrokenPipeError):
        return 128 + signal.SIGPIPE, "whoever was reading the output has gone: the rest was not written"
    if not isinstance(error, OSError) or error.errno not in ADVICE:
        return None
    where = "" if error.filename is None else f"{_text(error.filename)}: "
    return 1, f"{where}{os.strerror(error.errno)}; {ADVICE[error.errno]}"


def _text(filename: object) -> str:
    return os.fsdecode(filename) if isinstance(filename, str | bytes) else str(filename)


def _let_go_of_stdout() -> None:
    """What could not be written is dropped, or the interpreter would try again as it ends and add lines of its own."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def bounded(message: str) -> str:
    """A message as the terminal shows it: few lines, none endless, and no control characters from names in it.

    Of a long line the beginning and the end stay: where it happened, and what to do.
    """
    lines = readable(message).split("\n")
    if len(lines) > MESSAGE_LINES:
        lines = [*lines[:MESSAGE_LINES], f"and {len(lines) - MESSAGE_LINES} more"]
    half = LINE_CHARACTERS // 2
    short = (line if len(line) <= LINE_CHARACTERS else f"{line[:half]} ... {line[-half:]}" for line in lines)
    return "\n".join(_CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", line) for line in short)
