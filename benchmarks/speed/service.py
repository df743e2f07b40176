"""The service beside `predict`: throughput by turns, overload with every answer compared, and an end under load.

    python -m benchmarks.speed.service --bundle cache/model --images FOLDER [--clients 32] [--rounds 3] [--overload 60]

Both sides take turns on the same images, because a busy machine slows each: what counts is their ratio.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pipeline.runtime.engine import Engine
from pipeline.serving.scoring import stream_rows

IMAGES = 96  # of a turn
START_S = 900


class Service:
    """A service process, and how much memory it and its children take."""

    def __init__(self, bundle: Path, audit: Path, *options: str) -> None:
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "pipeline.serve",
                "--bundle",
                str(bundle),
                "--port",
                "0",
                "--audit",
                str(audit),
                *options,
            ],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        until = time.monotonic() + START_S
        line = ""
        while "ready on" not in line:
            line = self.process.stderr.readline()
            if not line or time.monotonic() > until:
                raise SystemExit("the service did not start")
        self.port = int(line.rpartition(":")[2])
        self._drop = subprocess.Popen(["cat"], stdin=self.process.stderr, stdout=subprocess.DEVNULL)

    def memory_mib(self) -> int:
        """Resident memory of the process and its children."""
        listed = subprocess.run(
            ["ps", "-o", "rss=", "--pid", str(self.process.pid), "--ppid", str(self.process.pid)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return sum(map(int, listed.stdout.split())) // 1024

    def end(self) -> int:
        """Ask it to end; its status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(120)


class Client:
    """One connection at a time, kept as long as the service keeps it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def score(self, data: bytes) -> tuple[int, bytes]:
        """Status and body of the answer. Raises OSError where there is none."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        try:
            writer.write(b"POST /score HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(data) + data)
            await writer.drain()
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            body = await reader.readexactly(int(head.split(b"content-length:")[1].split()[0]))
        except (OSError, asyncio.IncompleteReadError) as error:
            self.close()
            raise ConnectionResetError(str(error)) from None
        if b"connection: close" in head:
            self.close()
        return int(head.split()[1]), body

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None


async def turn(port: int, datas: Sequence[bytes], clients: int) -> tuple[float, list[float]]:
    """Images a second, and the seconds of each request, of so many clients at once."""
    waiting, seconds = list(datas), list[float]()

    async def one() -> None:
        client = Client(port)
        while waiting:
            data = waiting.pop()
            begun = time.monotonic()
            status, _ = await client.score(data)
            assert status == 200, status
            seconds.append(time.monotonic() - begun)
        client.close()

    begun = time.monotonic()
    await asyncio.gather(*(one() for _ in range(clients)))
    return len(datas) / (time.monotonic() - begun), seconds


async def overload(
    service: Service,
    images: dict[str, bytes],
    expected: dict[str, float],
    *,
    clients: int,
    seconds: float,
    end: bool,
) -> Counter[str]:
    """What many clients that never rest hear; with `end`, the service is asked to end in the middle."""
    heard: Counter[str] = Counter()
    names = sorted(images)
    until = time.monotonic() + seconds
    ending = asyncio.Event()

    async def one(start: int) -> None:
        client, place = Client(service.port), start
        while time.monotonic() < until:
            name = names[place % len(names)]
            place += 1
            try:
                status, body = await client.score(images[name])
            except ConnectionRefusedError:
                heard["refused after the end"] += ending.is_set()
                heard["refused"] += not ending.is_set()
                return
            except OSError:
                heard["cut off" + (" after the end" if ending.is_set() else "")] += 1
                if ending.is_set():
                    return
                continue
            heard[str(status)] += 1
            if status == 200:
                heard["right" if json.loads(body)["images"][0]["score"] == expected[name] else "WRONG"] += 1
            else:
                await asyncio.sleep(0.05)
        client.close()

    async def stop() -> None:
        await asyncio.sleep(seconds / 2)
        ending.set()
        service.process.send_signal(signal.SIGTERM)

    await asyncio.gather(*(one(n) for n in range(clients)), *([stop()] if end else []))
    return heard


def main() -> None:
    """Measure, and print."""
    command = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    command.add_argument("--bundle", type=Path, required=True)
    command.add_argument("--images", type=Path, required=True)
    command.add_argument("--clients", type=int, default=32)
    command.add_argument("--rounds", type=int, default=3)
    command.add_argument("--overload", type=float, default=60, metavar="S")
    command.add_argument("--audit", type=Path, default=Path("audit.jsonl"))
    args = command.parse_args()
    paths = sorted(path for path in args.images.iterdir() if path.is_file())
    files = [(path.name, str(path)) for path in (paths * (IMAGES // len(paths) + 1))[:IMAGES]]
    images = {path.name: path.read_bytes() for path in paths}
    engine = Engine("loky", len(os.sched_getaffinity(0)))

    def predict() -> tuple[float, dict[str, float]]:
        begun = time.monotonic()
        rows = [
            row
            for rows in stream_rows(files, folder=args.bundle, device="cpu", engine=engine)
            for row in rows
        ]
        return len(rows) / (time.monotonic() - begun), {row.name: row.score for row in rows}

    _, expected = predict()  # the workers load the bundle
    service = Service(args.bundle, args.audit)
    datas = [images[name] for name, _ in files]
    ratios = []
    for _ in range(args.rounds):
        alone, _ = predict()
        served, seconds = asyncio.run(turn(service.port, datas, args.clients))
        half, waited = asyncio.run(turn(service.port, datas[: IMAGES // 2], 2))
        ratios.append(served / alone)
        found = [statistics.median(seconds), max(seconds), statistics.median(waited), max(waited)]
        print(
            f"predict {alone:.2f} images/s, service {served:.2f}, ratio {served / alone:.3f}; median and most seconds with "
            f"{args.clients} clients {found[0]:.2f} {found[1]:.2f}; with 2: {half:.2f} images/s, {found[2]:.2f} {found[3]:.2f}",
            flush=True,
        )
    print(f"median ratio {statistics.median(ratios):.3f}")
    before = service.memory_mib()
    load = {"clients": 5 * args.clients, "seconds": args.overload}
    heard = asyncio.run(overload(service, images, expected, end=False, **load))
    print(f"overload: {dict(heard)}; memory {before} -> {service.memory_mib()} MiB", flush=True)
    heard = asyncio.run(overload(service, images, expected, end=True, **load))
    status = service.process.wait(120)
    print(
        f"end under load: {dict(heard)}; status {status}; lines of the audit: {len(args.audit.read_text().splitlines())}"
    )


if __name__ == "__main__":
    main()
