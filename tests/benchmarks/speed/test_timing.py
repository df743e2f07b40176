"""Ratios compare rounds one by one; every work runs once a round."""

from benchmarks.speed.timing import Times, row, side_by_side


def test_a_ratio_compares_rounds_one_by_one():
    times = Times({"slow": [2.0, 4.0, 9.0], "fast": [1.0, 1.0, 3.0]})
    assert times.ratio("slow", "fast") == (3.0, 2.0, 4.0)
    assert row("x", times, ours="fast", other="slow", images=10) == ("x", 400.0, 100.0, "3.00 (2.00–4.00)")


def test_every_work_runs_once_a_round_after_a_warm_up():
    calls = []
    times = side_by_side(
        {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=2, describe="t"
    )
    assert calls == ["a", "b"] * 3
    assert {name: len(seconds) for name, seconds in times.seconds.items()} == {"a": 2, "b": 2}
