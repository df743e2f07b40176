"""The cost of training holds the table that is trained on."""

from benchmarks.speed.training import measure
from pipeline.runtime import params


def test_the_cost_of_training_holds_the_table():
    """A process is larger than the table that it holds, and no smaller for a larger one."""
    options = params.Train(folds=2, num_boost_round=1)
    small, large = (measure(rows=rows, columns=40, options=options) for rows in (500, 50_000))
    assert large.table == 50_000 * 40 * 4 / 2**30
    assert large.peak > large.table
    assert large.peak >= small.peak
    assert small.seconds > 0
