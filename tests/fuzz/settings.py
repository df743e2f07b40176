"""Settings: params.yaml with values, keys and bytes that do not belong there."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from pipeline.runtime import params, yaml_file
from pipeline.runtime.params import ParamsError
from tests.fuzz.faults import demand
from tests.fuzz.mutations import damaged

VALUES = [
    *("null", "true", "-1", "0", "1e400", ".nan", ".inf", "0o17", "017", "0x10", "1_000", "9" * 5000, "''"),
    *("[]", "{}", "[[[]]]", "{a: {b: c}}", "2024-13-45", "2024-02-30", "!!python/object:os.system x", "!x y"),
    *(
        "&a [*a]",
        "*missing",
        '"\\ud800"',
        "'x'",
        "é",
        "../..",
        "tf_efficientnet_lite0",
        "yes",
        "no",
        "~",
        "<<",
    ),
]


class Settings:
    """Overlays over the params.yaml that is shipped."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "mine.yaml"
        self.text = Path("params.yaml").read_text(encoding="utf-8")
        self.base = params.read_mapping(Path("params.yaml"))
        self.lines = self.text.splitlines()

    def check(self, rng: random.Random) -> str:
        """One overlay; any exception but ParamsError is a fault."""
        self.path.write_bytes(self._overlay(rng))
        try:
            overlay = params.read_mapping(self.path)
            combined = params.combine(self.base, overlay, overlay_name="mine.yaml")
        except ParamsError as error:
            message = str(error)
            demand(message and len(message) < 20_000, f"{len(message)} characters")
            return "refused"
        self.path.write_text(yaml_file.dump(overlay), encoding="utf-8")
        again = params.combine(self.base, params.read_mapping(self.path), overlay_name="mine.yaml")
        demand(again == combined, "written and read again it says something else")
        return "accepted"

    def _overlay(self, rng: random.Random) -> bytes:
        if rng.random() < 0.3:
            return damaged(self.text.encode(), rng, others=[self.text.encode()])
        lines = list(self.lines)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(lines))
            key, colon, _ = lines[at].partition(":")
            lines[at] = f"{key}{colon} {rng.choice(VALUES)}" if rng.random() < 0.8 else rng.choice(VALUES)
        return "\n".join(lines).encode("utf-8", "surrogatepass")


def make() -> Settings:
    """With a folder that lasts as long as the process."""
    return Settings(Path(tempfile.mkdtemp(prefix="fuzz-")))
