"""Requests that schemathesis makes from the service's own description, and whether the answers are as described.

    pip install schemathesis            # in an environment of its own, or in this one
    python -m tests.fuzz.description --n 3000 [--schemathesis PROGRAM]

Each address gets so many requests. Any 500, and any answer that the description does not have, is a failure.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from tests.fuzz.requests import Requests

# Not `positive_data_acceptance`: which rates have thresholds, and which bytes are an image, no schema says.
CHECKS = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance"),
    *("response_schema_conformance", "negative_data_rejection", "unsupported_method", "allow_header_conformance"),
)  # fmt: skip


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(
        prog="python -m tests.fuzz.description",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = command.add_argument
    add("--n", type=int, default=300, help="requests to each address (default: %(default)s)")
    add("--seed", type=int, default=0, help="default: %(default)s")
    add("--schemathesis", default="schemathesis", metavar="PROGRAM", help="default: %(default)s in the PATH")
    return command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 1 where an answer is not as described."""
    args = parser().parse_args(arguments)
    program = shutil.which(args.schemathesis)
    if program is None:
        sys.stderr.write(f"{args.schemathesis} is not there; pip install schemathesis\n")
        return 2
    service = Requests()
    try:
        with tempfile.TemporaryDirectory(prefix="description-") as folder:
            done = subprocess.run(
                [
                    program, "run", f"{service.address}/openapi.json", "--max-examples", str(args.n),
                    "--phases", "examples,coverage,fuzzing", "--checks", ",".join(CHECKS), "--seed", str(args.seed),
                    "--continue-on-failure", "--no-shrink", "--no-color", "--suppress-health-check", "all",
                ],
                cwd=folder, check=False,
            )  # fmt: skip
        print(f"{service.answered:,} requests answered: {service.statuses()}")
    finally:
        service.close()
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
