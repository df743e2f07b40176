"""Command lines of `predict`: refused in one line before any work, or understood."""

from __future__ import annotations

import contextlib
import io
import os
import random
import tempfile
from pathlib import Path

from models.errors import UserError
from pipeline import predict
from tests.fuzz.faults import Fault, demand

WORDS = [
    *(
        "--images",
        "--list",
        "--bundle",
        "--out",
        "--device",
        "--workers",
        "--scheduler",
        "--prior",
        "--every-face",
    ),
    *(
        "a.jpg",
        "b*.jpg",
        "folder",
        "gone",
        "",
        "-",
        ".",
        "/dev/null",
        "/dev/full",
        "pipe",
        "names.txt",
        "x" * 300,
    ),
    *(
        "cpu",
        "cuda",
        "auto",
        "0",
        "1",
        "-1",
        "0.5",
        "nan",
        "1e9",
        "tcp://x:1",
        "--",
        "--help",
        "--x",
        "é",
        "\udcb0",
    ),
]


class CommandLines:
    """Random words in a folder with an image, a list and a pipe, and no bundle."""

    def __init__(self, folder: Path) -> None:
        os.chdir(folder)
        Path("folder").mkdir()
        Path("a.jpg").write_bytes(b"x")
        Path("folder/a.jpg").write_bytes(b"x")
        Path("names.txt").write_text("img_name\na.jpg\n", encoding="utf-8")
        os.mkfifo("pipe")
        self.before = sorted(os.listdir("."))

    def check(self, rng: random.Random) -> str:
        """One command line; without a bundle each ends in a refusal, and nothing is written."""
        words = [rng.choice(WORDS) for _ in range(rng.randint(1, 7))]
        silent = io.StringIO()
        try:
            with contextlib.redirect_stderr(silent), contextlib.redirect_stdout(silent):
                predict.main(words)
        except UserError as error:
            demand(str(error), "a refusal without a reason")
            outcome = "refused"
        except SystemExit as end:
            demand(end.code in (0, 2), f"status {end.code}")
            outcome = "usage" if end.code else "help"
        else:
            raise Fault(f"scored without a bundle: {words}")
        demand(sorted(os.listdir(".")) == self.before, f"something was written by {words}")
        return outcome


def make() -> CommandLines:
    """In a folder of its own, which becomes the working directory."""
    return CommandLines(Path(tempfile.mkdtemp(prefix="fuzz-")))
