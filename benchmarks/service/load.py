"""Requests to a service: as many clients as never rest, or requests that come when they are due, whatever the service does."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from benchmarks.service.figures import RIGHT, WRONG, Heard

PATIENCE_S = 60  # for one answer


class Client:
    """One connection at a time, kept as long as the service keeps it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def score(self, data: bytes) -> tuple[int, bytes]:
        """Status and body of the answer. Raises OSError where there is none."""
        if self._streams is not None and self._streams[0].at_eof():
            await self.close()  # the service has not kept it: no request was sent on it
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        try:
            writer.write(b"POST /score HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(data) + data)
            await writer.drain()
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            body = await reader.readexactly(int(head.split(b"content-length:")[1].split()[0]))
        except (OSError, asyncio.IncompleteReadError) as error:
            await self.close()
            raise ConnectionResetError(str(error)) from None
        if b"connection: close" in head:
            await self.close()
        return int(head.split()[1]), body

    async def close(self) -> None:
        """Leave the connection."""
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()
            with suppress(OSError):
                await streams[1].wait_closed()


async def throughput(port: int, datas: Sequence[bytes], *, clients: int) -> float:
    """Images a second that so many clients get scored together, none of which rests. Raises SystemExit on any status but 200."""
    waiting, refused = list(datas), list[str]()

    async def one() -> None:
        client = Client(port)
        while waiting:
            status, body = await client.score(waiting.pop())
            if status != 200:
                refused.append(f"the service answered {status}: {body[:200]!r}")
                waiting.clear()
        await client.close()

    begun = time.monotonic()
    await asyncio.gather(*(one() for _ in range(clients)))
    if refused:
        raise SystemExit(refused[0])
    return len(datas) / (time.monotonic() - begun)


class OpenLoop:
    """Requests that are sent when they are due, whether those before them are answered or not.

    A client that waits for its answer before it asks again asks less while the service is slow, and so leaves out of its
    times the waiting of all who would have come meanwhile ("coordinated omission").

    Parameters
    ----------
    port : int
    images : mapping of str to bytes
        Sent in turn.
    expected : mapping of str to float
        Their scores.
    """

    def __init__(self, port: int, images: Mapping[str, bytes], expected: Mapping[str, float]) -> None:
        self._port, self._images, self._expected = port, images, expected
        self._names = sorted(images)
        self._idle: list[Client] = []
        self._ended_at = float("inf")

    async def run(
        self, due: Sequence[float], *, end: tuple[float, Callable[[], None]] | None = None
    ) -> list[Heard]:
        """Send a request at each of these seconds, and wait for all answers.

        Parameters
        ----------
        due : sequence of float
            Rising.
        end : (float, callable), optional
            Called at that second: it asks the service to end, after which no connection need be taken.

        Returns
        -------
        list of Heard
            One for each of `due`, in its order.
        """
        begun = time.monotonic()
        tasks = []
        if end is not None:
            asyncio.get_running_loop().call_later(end[0], self._end, end[1], begun)
        for number, planned in enumerate(due):
            await asyncio.sleep(begun + planned - time.monotonic())
            name = self._names[number % len(self._names)]
            tasks.append(asyncio.create_task(self._one(name, planned, begun)))
        heard = list(await asyncio.gather(*tasks))
        for client in self._idle:
            await client.close()
        self._idle.clear()
        return heard

    def _end(self, ask_to_end: Callable[[], None], begun: float) -> None:
        self._ended_at = time.monotonic() - begun
        ask_to_end()

    async def _one(self, name: str, planned: float, begun: float) -> Heard:
        client = self._idle.pop() if self._idle else Client(self._port)
        sent = time.monotonic() - begun
        after = " after the end" if sent >= self._ended_at else ""
        score = ""
        try:
            status, body = await asyncio.wait_for(client.score(self._images[name]), PATIENCE_S)
        except ConnectionRefusedError:
            what = "refused" + after
        except TimeoutError:
            what = "no answer"
            await client.close()
        except OSError:
            what = "cut off" + after
        else:
            what = str(status)
            if status == 200:
                score = RIGHT if json.loads(body)["images"][0]["score"] == self._expected[name] else WRONG
            self._idle.append(client)
        return Heard(planned, sent, time.monotonic() - begun, what, score)


async def sampled(
    work: asyncio.Task[list[Heard]], measure: Callable[[], float], *, every_s: float
) -> tuple[list[float], list[float]]:
    """Times and values of a measure until some work is done, and once after it."""
    times, values, begun = list[float](), list[float](), time.monotonic()
    done = False
    while not done:
        done = work.done()
        value = await asyncio.to_thread(measure)  # it takes milliseconds, in which requests are due
        times.append(time.monotonic() - begun)
        values.append(value)
        await asyncio.wait([work], timeout=every_s)
    return times, values
