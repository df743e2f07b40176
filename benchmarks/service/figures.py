"""What is made of the times, answers and memory that were measured. No clock, no socket."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

RIGHT, WRONG = "right", "WRONG"


@dataclass(frozen=True)
class Heard:
    """One request of a plan.

    Attributes
    ----------
    planned, sent, done : float
        Seconds since the beginning: when it was due, when it was sent, when its answer was there.
    what : str
        Status of the answer, or what became of the connection.
    score : str
        RIGHT or WRONG for the score of `predict` or another one; empty without a score.
    """

    planned: float
    sent: float
    done: float
    what: str
    score: str = ""

    @property
    def waited(self) -> float:
        """Seconds from when it was due: had it to wait to be sent, a user would have waited too."""
        return self.done - self.planned


def plan(*, rate: float, seconds: float, seed: int) -> NDArray[np.float64]:
    """When requests are due that come independently of each other: a Poisson process.

    Parameters
    ----------
    rate : float
        Requests a second.
    seconds : float
        How long they come.
    seed : int

    Returns
    -------
    float64 array, shape (n,), seconds
        Rising, below `seconds`.
    """
    rng = np.random.default_rng(seed)
    due = np.cumsum(rng.exponential(1 / rate, int(rate * seconds + 10 * np.sqrt(rate * seconds) + 10)))
    return due[due < seconds]


def latency(heard: Sequence[Heard]) -> dict[str, float]:
    """Quantiles of the seconds that answers with status 200 took, from when their requests were due, and how late the latest
    hundredth of the requests was sent: where that is much, it was the clients that were slow."""
    waited = [one.waited for one in heard if one.what == "200"]
    late = [one.sent - one.planned for one in heard]
    if not waited:
        return {}
    p50, p90, p99 = np.quantile(waited, [0.5, 0.9, 0.99]).tolist()
    return {
        "requests": len(heard),
        "p50_s": p50,
        "p90_s": p90,
        "p99_s": p99,
        "max_s": max(waited),
        "sent_late_p99_s": float(np.quantile(late, 0.99)),
    }


def counts(heard: Sequence[Heard]) -> dict[str, int]:
    """How often what was heard, and how many scores were right."""
    whats = Counter(one.what for one in heard)
    scores = Counter(one.score for one in heard if one.score)
    return {**dict(sorted(whats.items())), RIGHT: scores[RIGHT], WRONG: scores[WRONG]}


def drift(times: Sequence[float], values: Sequence[float]) -> dict[str, float]:
    """Whether a number grows while time passes.

    Parameters
    ----------
    times : sequence of float, seconds
        Two or more, rising.
    values : sequence of float, MiB

    Returns
    -------
    dict
        Mean of the first and of the last third of the time, the most, and the slope of the line of least squares, a minute.
    """
    at, value = np.asarray(times, np.float64), np.asarray(values, np.float64)
    share = (at - at[0]) / (at[-1] - at[0])
    slope, _ = np.polyfit(at, value, 1)
    return {
        "samples": len(at),
        "first_third_mib": float(value[share <= 1 / 3].mean()),
        "last_third_mib": float(value[share >= 2 / 3].mean()),
        "most_mib": float(value.max()),
        "slope_mib_per_minute": float(slope * 60),
    }


def table(results: dict[str, Any]) -> str:
    """The results as Markdown, one line for each figure."""
    rows = [
        ("throughput, service against predict", _spread(results["ratios"])),
        ("images a second: predict, service", f"{results['predict']:.2f}, {results['capacity']:.2f}"),
    ]
    if half := results["half_load"]:
        seconds = ", ".join(f"{half[key]:.3f}" for key in ("p50_s", "p90_s", "p99_s", "max_s"))
        rows.append(
            (f"half load, {half['requests']} requests: p50, p90, p99, most seconds from when due", seconds)
        )
        rows.append(("the same: 99 % were sent no later than", f"{half['sent_late_p99_s']:.3f} s"))
    for name in ("overload", "end"):
        if found := results[name]:
            heard = ", ".join(f"{count} {what}" for what, count in found["heard"].items())
            rows.append(
                (f"{name}, {found['rate']:.1f} requests a second for {found['seconds']:.0f} s", heard)
            )
    if memory := results["overload"].get("memory"):
        rows.append(
            (
                f"memory (PSS) under overload, {memory['samples']} samples: first and last third, most, slope",
                f"{memory['first_third_mib']:.0f} → {memory['last_third_mib']:.0f} MiB, {memory['most_mib']:.0f} MiB, "
                f"{memory['slope_mib_per_minute']:+.1f} MiB a minute",
            )
        )
    if end := results["end"]:
        rows.append(
            ("status after SIGTERM; lines of the audit, answers 200", f"{end['status']}; {results['told']}")
        )
    return "\n".join(["| what | figure |", "|---|---|", *(f"| {what} | {figure} |" for what, figure in rows)])


def _spread(values: Sequence[float]) -> str:
    each = ", ".join(f"{value:.3f}" for value in values)
    return f"{float(np.median(values)):.3f} ({each})"
