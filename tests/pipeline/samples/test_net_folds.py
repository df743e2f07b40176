"""Who scores which row: a training image and its variants belong to the net that never saw them."""

from types import SimpleNamespace

import pandas as pd

from pipeline.samples.net_folds import ALL_NETS, nets_for_rows
from pipeline.storage.row_key import RowKey

JOB = SimpleNamespace(train=pd.DataFrame({"key": ["a", "b", "c"], "fold": [0, 1, 2]}))
ROWS = pd.DataFrame(
    {
        "key": ["a", "a-blend0-f", "b", "c", "d", "a"],
        "split": ["train", "train", "train", "train", "val", "test"],
    }
)


def test_rows_go_to_the_net_of_their_fold_and_others_to_all():
    keys, net = nets_for_rows(JOB, ROWS)
    assert net.tolist() == [0, 0, 1, 2, ALL_NETS, ALL_NETS]
    assert keys[:2] == [RowKey("a", out_of_fold=True), RowKey("a", "blend0", "f", True)]


def test_the_same_face_in_another_split_has_a_row_of_its_own():
    keys, net = nets_for_rows(JOB, ROWS)
    assert (keys[-1], net[-1]) == (RowKey("a"), ALL_NETS)
    assert len({str(key) for key in keys}) == len(ROWS)
