"""Time the fine-tuning of several nets at once, each with its share of the cores, beside one after the other with all.

`python -m benchmarks.speed.finetuning --net face --rounds 5`, in the repository's root. Pictures are noise: a step takes as
long, and none has to be read.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import joblib
import torch

from benchmarks.speed.timing import machine, row, side_by_side, table
from models.nets.checkpoints import find
from models.nets.training import _Run
from pipeline.runtime import params
from pipeline.runtime.process import limit_threads
from pipeline.samples.net_folds import schedule_of, threads_each
from pipeline.samples.net_rows import net_spec

_PLANNED = 10_000  # steps: more than are run, as the learning rate hangs on it


@lru_cache(maxsize=1)
def _run(net: str) -> _Run:
    """A training that has begun. net : JSON of the entry, which can be a key."""
    entry = params.Net.model_validate_json(net)
    checkpoint = find(model=entry.model, weights=entry.weights, folder=Path(params.load("data").weights))
    schedule = schedule_of(entry, seed=0, workers=1)
    return _Run(net_spec(entry, checkpoint), checkpoint, schedule, device="cpu", steps=_PLANNED)


def train(net: str, *, steps: int, threads: int) -> None:
    """Some steps of one net on so many threads of this process."""
    limit_threads(threads, tensors=True)
    run, entry = _run(net), params.Net.model_validate_json(net)
    side = entry.train_size or entry.size
    shape = (entry.batch_size // 2 * 2, side, side, 3)
    pixels = torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    goals = torch.arange(shape[0])[:, None].repeat(1, len(entry.heads)).remainder(2).float()
    for _ in range(steps):
        run.step(pixels, goals)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.finetuning", description=__doc__)
    parser.add_argument("--net", default="face", help="a key of finetune.nets (default: %(default)s)")
    parser.add_argument("--members", type=int, default=3, help="nets (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=4, help="of each net in a round (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="(default: %(default)s)")
    args = parser.parse_args(arguments)
    entry = params.load("finetune").nets[args.net]
    net, cores = entry.model_dump_json(), joblib.cpu_count()
    parallel = joblib.Parallel(n_jobs=args.members, backend="loky", pre_dispatch="all", batch_size=1)

    def in_turn() -> None:
        for _ in range(args.members):
            train(net, steps=args.steps, threads=cores)

    def at_once() -> None:
        share = threads_each(args.members)
        parallel(joblib.delayed(train)(net, steps=args.steps, threads=share) for _ in range(args.members))

    times = side_by_side({"in turn": in_turn, "at once": at_once}, rounds=args.rounds, describe=args.net)
    pictures = args.members * args.steps * (entry.batch_size // 2 * 2)
    label = f"{args.members} nets of entry {args.net}, {cores} cores"
    line = row(label, times, ours="at once", other="in turn", images=pictures)
    print(machine())
    print(table("Fine-tuning", "one after the other on all cores", [line], ours="at once"))


if __name__ == "__main__":
    # Not this module's own: processes find what they get by the name of its module.
    from benchmarks.speed import finetuning

    finetuning.main()
