"""Which blocks are wanted, where they lie, and what their columns are."""

import numpy as np
import pandas as pd
import pytest

from models.bundle_info import BlockInfo
from pipeline.runtime import params
from pipeline.samples.feature_table import Table, block_folder, net_keys, wanted_blocks
from pipeline.storage.row_key import RowKey

NET = {"model": "mobilenetv2_100", "size": 64, "epochs": 1, "learning_rate": 0.001}
SECTIONS = (
    params.Spectral(blocks=["radial", "npr"]),
    params.Embed(backbones={"small": {"model": "mobilenetv2_100"}}),
    params.Finetune(folds=3, nets={"face": NET}),
)


def test_every_block_of_the_settings_is_wanted_with_its_sort():
    sorts = wanted_blocks(*SECTIONS, params.Train())
    assert list(sorts) == ["face", "radial", "npr", "embed_small", "net_face"]
    assert list(sorts.values()) == ["face", "spectral", "spectral", "embedding", "net"]


def test_train_blocks_chooses_and_an_unknown_name_is_refused():
    assert wanted_blocks(*SECTIONS, params.Train(blocks=["npr"])) == {"npr": "spectral"}
    with pytest.raises(
        params.ParamsError, match=r"'train.blocks' names sonar; made are face, radial, npr, embed_small"
    ):
        wanted_blocks(*SECTIONS, params.Train(blocks=["npr", "sonar"]))


def test_the_sort_decides_where_a_block_lies_not_its_name():
    assert block_folder("net_odd", "spectral").as_posix() == "cache/features/spectral/net_odd"
    assert block_folder("net_odd", "net").as_posix() == "cache/features/net_odd"


def test_columns_by_sort():
    blocks = {
        "radial": BlockInfo(sort="spectral", columns=["radial.a", "radial.b"]),
        "net_face": BlockInfo(sort="net", columns=["net_face.labelled"]),
    }
    table = Table(pd.DataFrame(), pd.DataFrame(), blocks, {})
    assert table.columns_of("net") == ["net_face.labelled"]
    assert table.columns_of("net", "spectral") == ["radial.a", "radial.b", "net_face.labelled"]
    assert table.columns_of("embedding") == []


def test_training_images_have_logits_out_of_fold():
    rows = pd.DataFrame({"key": ["a", "a-blend0-c", "b"], "split": ["train", "train", "val"]})
    assert net_keys(rows) == [RowKey("a", out_of_fold=True), RowKey("a", "blend0", "c", True), RowKey("b")]


def test_taken_rows_keep_their_features():
    table = Table(pd.DataFrame({"variant": ["", "blend0"]}), pd.DataFrame({"x": [1.0, 2.0]}), {}, {})
    np.testing.assert_array_equal(table.originals, [True, False])
    assert table.take(~table.originals).features["x"].tolist() == [2.0]
