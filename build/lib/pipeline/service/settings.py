"""What the command `serve` is asked: its options, and the limits that keep a stranger's request small."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from models.errors import UserError
from pipeline.runtime import paths
from pipeline.serving.command_line import named
from pipeline.serving.priors import share

MEBIBYTE = 1 << 20


class ServiceError(UserError):
    """A setting of the service that cannot be used; the message says which and why."""


@dataclass(frozen=True)
class Limits:
    """What one request, and all of them together, may take.

    Attributes
    ----------
    body : int
        Bytes of a request.
    image : int
        Bytes of one image file in it.
    images : int
        Of a request.
    pixels : int
        Of an image; the bundle's own limit holds beside it.
    queue : int
        Images that wait; more are refused with 503.
    held : int
        Bytes of all requests that are being read or wait.
    connections : int
        Open at a time; more are refused with 503.
    wait_s : float
        Seconds that an image waits for its answer, then 503.
    work_s : float
        Seconds that a batch may take; then its process is ended and started again.
    read_s : float
        Seconds that a client may take to send its request, then 408.
    """

    body: int = 64 * MEBIBYTE
    image: int = 32 * MEBIBYTE
    images: int = 32
    pixels: int = 100_000_000
    queue: int = 64
    held: int = 256 * MEBIBYTE
    connections: int = 1000
    wait_s: float = 30.0
    work_s: float = 60.0
    read_s: float = 30.0

    def __post_init__(self) -> None:
        if self.images > self.queue:
            raise ServiceError(
                f"--max-images is {self.images}, --queue is {self.queue}: such a request could never be taken; raise --queue"
            )
        if self.body > self.held:
            raise ServiceError(
                f"--max-body is {self.body:,} bytes, all requests together may hold {self.held:,}; lower --max-body"
            )


@dataclass(frozen=True)
class Start:
    """What a scoring process is started with.

    Attributes
    ----------
    folder : Path
        Of the bundle.
    device : {"auto", "cpu", "cuda"}
    threads : int
        Of its own; 0 for as many as there are cores.
    max_pixels : int
        A larger image is not read.
    """

    folder: Path
    device: str
    threads: int
    max_pixels: int


@dataclass(frozen=True)
class Settings:
    """Everything that `serve` is asked.

    Attributes
    ----------
    bundle : Path
        Folder or packed file of a trained model.
    host, port : str, int
        Where it listens; port 0 takes a free one.
    device : {"auto", "cpu", "cuda"}
    workers : int
        Processes that score; 0 for one per core, or one on a GPU.
    batch_wait_s : float
        Seconds that a first image waits for others.
    rate : float or None
        Error rate whose thresholds answer; None for the bundle's usual one.
    prior : float or None
        Share of fakes that the probability is for; None for that of training.
    images : Path or None
        Folder whose files may be named in requests; None for no such requests.
    audit : Path or None
        File that audit lines are added to; None for standard output.
    drain_s : float
        Seconds between the wish to end and the last accepted connection.
    limits : Limits
    """

    bundle: Path
    host: str = "127.0.0.1"
    port: int = 8000
    device: str = "auto"
    workers: int = 0
    batch_wait_s: float = 0.005
    rate: float | None = None
    prior: float | None = None
    images: Path | None = None
    audit: Path | None = None
    drain_s: float = 0.5
    limits: Limits = Limits()


def _positive(text: str) -> int:
    value = int(text) if text.isdecimal() else 0
    if not 0 < value <= 10**12:
        raise argparse.ArgumentTypeError(f"is {text!r}, allowed is a whole number from 1")
    return value


def _port(text: str) -> int:
    value = int(text) if text.isdecimal() else -1
    if not 0 <= value <= 65535:
        raise argparse.ArgumentTypeError(f"is {text!r}, allowed is a port from 0 (any free one) to 65535")
    return value


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 86_400:
        raise argparse.ArgumentTypeError(f"is {text!r}, allowed are seconds from 0 to 86400")
    return value


def parser(description: str | None) -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(prog="python -m pipeline.serve", description=description)
    add, own, limits = command.add_argument, Settings(Path()), Limits()
    add("--bundle", type=named, default=paths.BUNDLE, help="folder of a trained model (default: %(default)s)")
    add("--host", default=own.host, help="address to listen on; 0.0.0.0 for all (default: %(default)s)")
    add("--port", type=_port, default=own.port, help="0 takes a free one (default: %(default)s)")
    add("--device", choices=["auto", "cpu", "cuda"], default="auto", help="default: %(default)s")
    add("--workers", type=_positive, help="processes that score (default: one per core, one on a GPU)")
    add(
        "--rate",
        type=share,
        help="error rate whose thresholds answer (default: 0.05, or the next that is known)",
    )
    add("--prior", type=share, metavar="P", help="share of fakes to expect (default: that of training)")
    add("--images", type=named, metavar="ROOT", help="requests may name files below this folder")
    add(
        "--audit",
        type=named,
        metavar="FILE",
        help="add a line for each decision to it (default: standard output)",
    )
    add("--batch-wait-ms", type=_seconds, default=own.batch_wait_s * 1000, help="default: %(default)s")
    add(
        "--drain",
        type=_seconds,
        default=own.drain_s,
        metavar="S",
        help="after SIGTERM (default: %(default)s)",
    )
    add("--queue", type=_positive, default=limits.queue, help="images that wait (default: %(default)s)")
    add("--max-images", type=_positive, default=limits.images, help="of a request (default: %(default)s)")
    add("--max-pixels", type=_positive, default=limits.pixels, help="of an image (default: %(default)s)")
    add("--max-body", type=_positive, default=limits.body, help="bytes of a request (default: %(default)s)")
    add("--max-image", type=_positive, default=limits.image, help="bytes of an image (default: %(default)s)")
    add(
        "--wait",
        type=_seconds,
        default=limits.wait_s,
        metavar="S",
        help="for an answer (default: %(default)s)",
    )
    add(
        "--work", type=_seconds, default=limits.work_s, metavar="S", help="for a batch (default: %(default)s)"
    )
    return command


def settings_of(args: argparse.Namespace) -> Settings:
    """Settings from the options of `parser`.

    Raises
    ------
    ServiceError
        Options that do not go together, or a folder that is not there.
    """
    if args.images is not None and not args.images.is_dir():
        raise ServiceError(f"--images {args.images} is no folder; name the one whose files may be asked for")
    limits = Limits(
        body=args.max_body,
        image=min(args.max_image, args.max_body),
        images=args.max_images,
        pixels=args.max_pixels,
        queue=args.queue,
        held=max(Limits.held, 2 * args.max_body),
        wait_s=args.wait,
        work_s=args.work,
    )
    return Settings(
        bundle=args.bundle,
        host=args.host,
        port=args.port,
        device=args.device,
        workers=args.workers or 0,
        batch_wait_s=args.batch_wait_ms / 1000,
        rate=args.rate,
        prior=args.prior,
        images=args.images,
        audit=args.audit,
        drain_s=args.drain,
        limits=limits,
    )
