"""What is timed is a training: each step changes the net, on as many threads as were asked for."""

from types import SimpleNamespace

import torch

from benchmarks.speed import finetuning
from pipeline.runtime import params

NET = params.Net(
    model="test_efficientnet", weights="none", size=32, epochs=1, batch_size=5, learning_rate=0.01
).model_dump_json()


def total(run):
    return float(sum(weight.detach().double().sum() for weight in run.net.parameters()))


def test_every_step_changes_the_net_and_threads_are_those_asked_for():
    finetuning._run.cache_clear()
    kept = torch.get_num_threads()
    try:
        run = finetuning._run(NET)
        weights = [total(run)]
        for threads in (1, 2):
            finetuning.train(NET, steps=1, threads=threads)
            assert torch.get_num_threads() == threads
            weights.append(total(run))
        assert len(set(weights)) == 3
        assert run.steps_done == 2
    finally:
        torch.set_num_threads(kept)


def test_the_table_has_both_ways(monkeypatch, capsys):
    section = params.Finetune(folds=2, nets={"face": params.Net.model_validate_json(NET)})
    monkeypatch.setattr(
        params, "load", lambda name: {"finetune": section, "data": SimpleNamespace(weights=".")}[name]
    )
    monkeypatch.setattr(finetuning.joblib, "Parallel", lambda **_: list)
    monkeypatch.setattr(finetuning.joblib, "delayed", lambda function: function)
    finetuning.main(["--members", "2", "--steps", "1", "--rounds", "1"])
    said = capsys.readouterr().out
    assert "| 2 nets of entry face" in said
    assert "| at once |" in said
