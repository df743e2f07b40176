"""Evidence inside and outside the mask of a forgery, and of the same face unforged."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from benchmarks.evidence.kinds import KINDS, Forged, Mask
from benchmarks.quality.portraits import Portrait
from models.bundle import Bundle
from pipeline.serving.explanation import Explanation, explain

LEAST = 16  # px inside and outside that a face needs to be counted


def measure(bundle: Bundle, portraits: Sequence[Portrait], kinds: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Forge every face in every way, with the next one as donor.

    Parameters
    ----------
    bundle : Bundle
    portraits : sequence of Portrait
        Real faces, each of another group.
    kinds : sequence of str
        Of `KINDS`.

    Yields
    ------
    dict
        kind; score, real_score; inside, outside : mean evidence of the forgery there; real_inside, real_outside : of the real
        picture at the same places. A face without enough pixels of both, or a bundle whose nets tell no places, gives none.
    """
    for number, portrait in enumerate(portraits):
        donor = portraits[(number + 1) % len(portraits)]
        made = {
            kind: KINDS[kind](portrait, donor, np.random.default_rng(_seed(kind, number))) for kind in kinds
        }
        # Together, for the nets run on batches; most forgeries have one real picture in common.
        pictures = {id(p): p for forged in made.values() for p in (forged.fake, forged.real)}
        reasons = dict(zip(pictures, explain(bundle, list(pictures.values())), strict=True))
        for kind, forged in made.items():
            fake, real = reasons[id(forged.fake)], reasons[id(forged.real)]
            row = {"kind": kind, "score": fake.prediction.score, "real_score": real.prediction.score}
            sides = [_sides(why, forged) for why in (fake, real)]
            if all(sides):
                names = (("inside", "outside"), ("real_inside", "real_outside"))
                for pair, values in zip(names, sides, strict=True):
                    row |= dict(zip(pair, values, strict=True))
                yield row


def _seed(kind: str, number: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{kind}/{number}".encode()).digest()[:8], "big")


def _sides(why: Explanation, forged: Forged) -> tuple[float, ...]:
    """Mean evidence inside and outside the mask, within the face's native cut; empty where one has too few pixels."""
    if why.evidence is None:
        return ()
    x0, y0, x1, y1 = why.crop.native
    masks: list[Mask] = [mask[y0:y1, x0:x1] for mask in (forged.inside, forged.outside)]
    if min(int(mask.sum()) for mask in masks) < LEAST:
        return ()
    return tuple(float(why.evidence[mask].mean()) for mask in masks)


def table(rows: pd.DataFrame) -> str:
    """Share of the forgeries with more evidence inside than outside, by kind, as Markdown.

    Parameters
    ----------
    rows : DataFrame
        As `measure` yields them.

    Returns
    -------
    str
        Each share with Wilson's 95 % interval: of all forgeries, of those that score above 0.5, and of the same faces unforged,
        at the same places, as a control: a map that always points at the face's middle would have the same share there.
    """
    lines = [
        "| kind | forgeries | higher inside | of those that score above 0.5 | unforged, same places | rise by the forgery is higher inside |",
        "|---|---|---|---|---|---|",
    ]
    kinds = [*rows["kind"].unique()]
    for name in [*kinds, *(["all"] if len(kinds) > 1 else [])]:
        own = rows if name == "all" else rows[rows["kind"] == name]
        hit, found = own["inside"] > own["outside"], own["score"] > 0.5
        unforged = own["real_inside"] > own["real_outside"]
        rise = own["inside"] - own["real_inside"] > own["outside"] - own["real_outside"]
        cells = [_share(hit), _share(hit[found]), _share(unforged), _share(rise)]
        lines.append(f"| {name} | {len(own)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _share(hits: pd.Series) -> str:
    if not len(hits):
        return "–"
    found = binomtest(int(hits.sum()), len(hits))
    interval = found.proportion_ci(method="wilson")
    return f"{hits.mean():.3f} ({interval.low:.3f}–{interval.high:.3f}) of {len(hits)}"
