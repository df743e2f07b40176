"""Lists of images, made of pieces that lists have and of bytes that they have not."""

from __future__ import annotations

import os
import random
import tempfile
from pathlib import Path

from pipeline.dataset.image_search import notes, read_list
from pipeline.dataset.lists import LabelError, check_repeats, read_groups
from tests.fuzz.faults import demand

NAMES = [b"a.jpg", b"b.png", b"sub/c.jpg", b"\xe7\x85\xa7\xe7\x89\x87.jpg", b"e\xcc\x81.jpg", b"\xb0\xa1.jpg"]
PIECES = [
    *(b"img_name,target", b"img_name", b"target,img_name", b"img_name;target", b"img_name\ttarget", b"a,b,c"),
    *(b",", b";", b"\t", b"\n", b"\r\n", b"\r", b'"', b'""', b"'", b" ", b"\0", b"\xef\xbb\xbf", b"\xff\xfe"),
    *(b"0", b"1", b"1.0", b"real", b"FAKE", b"-1", b"nan", b"2", b"1e999", b"0" * 5000, b"x" * 70000),
    *(b"../a.jpg", b"/etc/passwd", b"..\\b.png", b"A.JPG", b"sub", b"loop/loop/a.jpg", b"out.jpg", b"pipe"),
    *(b"source,group", b"s1,g1", "é.jpg".encode(), b"\x80\x81", b"#", b"."),
]


class Lists:
    """Random lists beside a folder of images, links, a loop and a pipe."""

    def __init__(self, root: Path) -> None:
        self.root, self.listing = root / "data", root / "data/train_label.txt"
        (self.root / "sub").mkdir(parents=True)
        for name in NAMES:
            Path(self.root, os.fsdecode(name)).write_bytes(b"x")
        (root / "outside.jpg").write_bytes(b"x")
        (self.root / "out.jpg").symlink_to("../outside.jpg")
        (self.root / "loop").symlink_to(".")
        os.mkfifo(self.root / "pipe")

    def check(self, rng: random.Random) -> str:
        """One list; any exception but LabelError is a fault."""
        header = rng.choice(PIECES[:6]) + rng.choice((b"\n", b"\r\n", b""))
        lines = [
            rng.choice(NAMES) + rng.choice((b",", b";", b"\t", b"")) + rng.choice(PIECES[19:25]) + b"\n"
            for _ in range(rng.randrange(6))
        ]
        noise = [rng.choice(PIECES + NAMES) for _ in range(rng.randrange(12))]
        parts = [header, *lines, *noise]
        if rng.random() < 0.3:
            rng.shuffle(parts)
        self.listing.write_bytes(b"".join(parts))
        groups = _outcome(lambda: read_groups(self.listing))
        try:
            rows = check_repeats(
                read_list(
                    self.listing,
                    split=rng.choice(("train", "test")),
                    folders=[self.root],
                    root=self.root,
                )
            )
        except LabelError as error:
            demand(str(error), "a refusal without a reason")
            return f"list refused, groups {groups}"
        for row in rows:
            demand(row.status == "ok" or row.detail, row)
            if row.status == "ok":
                demand(Path(row.path).is_file() and row.target in (0, 1, None), row)
        notes(rows, root=self.root)
        return f"list read, groups {groups}"


def _outcome(work) -> str:
    try:
        work()
    except LabelError:
        return "refused"
    return "read"


def make() -> Lists:
    """With a folder that lasts as long as the process."""
    return Lists(Path(tempfile.mkdtemp(prefix="fuzz-")))
