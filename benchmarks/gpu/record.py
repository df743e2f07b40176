"""What a run has found: checks against a tolerance, rates, and what went wrong; as JSON and as tables."""

from __future__ import annotations

import json
import math
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

SHOWN = 6_000  # characters of a traceback that are kept


@dataclass(frozen=True)
class Check:
    """A difference between the CPU and the device.

    Attributes
    ----------
    name : str
        What is compared.
    measure : str
        How, with its unit.
    value, limit : float
        The difference, and what it may be at most.
    """

    name: str
    measure: str
    value: float
    limit: float

    @property
    def holds(self) -> bool:
        """Whether the value is a number within its limit."""
        return math.isfinite(self.value) and self.value <= self.limit


@dataclass(frozen=True)
class Rate:
    """How fast something is.

    Attributes
    ----------
    name : str
    images : int
        Of one run of the work.
    seconds : float
        Of one run, the median.
    memory : dict of str to float
        Peak MiB of the device, `allocated` and `reserved`; empty without one.
    """

    name: str
    images: int
    seconds: float
    memory: dict[str, float] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        """Images a second."""
        return self.images / self.seconds


@dataclass(frozen=True)
class Step:
    """One part of the run. work : what it does, to its results; least : seconds that it has to find left."""

    name: str
    work: Callable[[], Sequence[Check | Rate]]
    least: float = 0.0


@dataclass
class Record:
    """The results so far.

    Attributes
    ----------
    facts : dict
        Machine, device, versions.
    file : Path
        Written anew after every step: what is killed has told all that it knew.
    seconds : dict of str to float
        Of each step.
    errors : dict of str to str
        Traceback of each step that failed, or why it was left out.
    """

    facts: dict[str, object]
    file: Path
    checks: list[Check] = field(default_factory=list)
    rates: list[Rate] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether every step ran and every check holds."""
        return not self.errors and all(check.holds for check in self.checks)

    def run(self, steps: Sequence[Step], *, limit: float, begun: float) -> None:
        """Run the steps in their order; one that fails is recorded and the next runs.

        Parameters
        ----------
        steps : sequence of Step
        limit : float
            Seconds of the whole run; a step that finds less left than it needs is left out.
        begun : float
            When the run began, as `time.monotonic` tells it.
        """
        for step in steps:
            start = time.monotonic()
            left = limit - (start - begun)
            sys.stderr.write(f"{step.name} ({left:.0f} s left)\n")
            if left < step.least:
                self.errors[step.name] = f"left out: {left:.0f} s were left, it needs {step.least:.0f}"
                continue
            try:
                found = step.work()
            except Exception:  # a benchmark of many parts: what fails is told, and the rest measured
                self.errors[step.name] = traceback.format_exc()[-SHOWN:]
                found = []
            self.checks += [one for one in found if isinstance(one, Check)]
            self.rates += [one for one in found if isinstance(one, Rate)]
            self.seconds[step.name] = round(time.monotonic() - start, 1)
            self.write()

    def write(self) -> None:
        """Write the JSON."""
        content = {
            "holds": self.holds,
            "facts": self.facts,
            "checks": [{**asdict(check), "holds": check.holds} for check in self.checks],
            "rates": [{**asdict(rate), "per_second": round(rate.per_second, 1)} for rate in self.rates],
            "seconds": self.seconds,
            "errors": self.errors,
        }
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    def table(self) -> str:
        """Markdown: the facts, the checks, the rates, and what went wrong."""
        facts = ", ".join(f"{name} {value}" for name, value in self.facts.items())
        parts = [f"{facts}; {sum(self.seconds.values()):.0f} s"]
        if self.checks:
            lines = ["| against the CPU | measure | value | allowed | |", "|---|---|---|---|---|"]
            lines += [
                f"| {c.name} | {c.measure} | {c.value:.3g} | {c.limit:.3g} | {'' if c.holds else '**off**'} |"
                for c in self.checks
            ]
            parts.append("\n".join(lines))
        if self.rates:
            lines = [
                "| | images/s | ms | images | MiB allocated, reserved at the peak |",
                "|---|---|---|---|---|",
            ]
            lines += [
                f"| {r.name} | {r.per_second:.1f} | {1000 * r.seconds:.1f} | {r.images} | "
                f"{', '.join(f'{mib:.0f}' for mib in r.memory.values())} |"
                for r in self.rates
            ]
            parts.append("\n".join(lines))
        parts += [f"{name}: {text.strip().splitlines()[-1]}" for name, text in self.errors.items()]
        return "\n\n".join(parts)
