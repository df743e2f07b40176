"""Who scores which row: a training image and its variants belong to the net that never saw them."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from models.nets.checkpoints import Checkpoint
from pipeline.runtime import params
from pipeline.samples import net_folds
from pipeline.samples.feature_table import NO_VARIANTS
from pipeline.samples.net_folds import ALL_NETS, nets_for_rows
from pipeline.samples.net_job import Job
from pipeline.samples.net_rows import net_spec
from pipeline.samples.variants import VariantPlan
from pipeline.storage.feature_store import SkippedError
from pipeline.storage.picture_store import PictureStore
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


def test_what_an_entry_says_reaches_the_training(monkeypatch):
    settings = {
        "epochs": 2,
        "batch_size": 4,
        "learning_rate": 0.25,
        "weight_decay": 0.5,
        "label_smoothing": 0.125,
        "freeze_layers": 0,
        "tune": "norms",
        "alignment": 0.75,
        "uniformity": 1.5,
    }
    net = params.Net(model="test_vit", size=32, normalise=True, **settings)
    checkpoint = Checkpoint(state=None, origin="test")
    job = Job(
        name="face",
        net=net,
        section=params.Finetune(folds=2, nets={"face": net}),
        checkpoint=checkpoint,
        spec=net_spec(net, checkpoint),
        options=params.Faces(),
        max_pixels=100,
        train=pd.DataFrame(
            {
                "path": list("abcdefgh"),
                "sha256": list("abcdefgh"),
                "target": [0, 1] * 4,
                "group": list("abcdefgh"),
                "source": "all",
                "key": list("abcdefgh"),
            }
        ).assign(fold=[0, 0, 0, 1, 1, 1, 1, 1]),
        faces=np.zeros((8, 17), np.float32),
        plan=NO_VARIANTS,
        version="0",
    )
    given = []
    monkeypatch.setattr(net_folds, "train_fold", lambda *_, **named: given.append(named))
    monkeypatch.setattr(net_folds, "limit_threads", lambda *_, **__: None)
    net_folds.train_member(0, job=job, device="cpu")
    assert given[0]["spec"].normalise
    assert {name: getattr(given[0]["schedule"], name) for name in settings} == settings


def test_a_head_needs_pictures_in_every_fold(tmp_path):
    train = pd.DataFrame(
        {"key": [f"{i:032x}"[::-1] for i in range(40)], "target": [0, 1] * 20, "fold": [0, 0, 1, 1] * 10}
    )
    net = params.Net(model="m", size=64, epochs=1, learning_rate=0.1, heads=["restoration", "resynthesis"])
    store = {"restoration": PictureStore(tmp_path, "v")}
    for share, expected in ((1.0, ["restoration", "resynthesis"]), (0.0, ["resynthesis"])):
        wanted = params.Variants(degraded=1, pseudo_fakes={"restoration": share})
        assert net_folds._learnable("a", net, VariantPlan(wanted, store), train).heads == expected
    alone = net.model_copy(update={"heads": ["restoration"]})
    missing = VariantPlan(params.Variants(degraded=0, pseudo_fakes={}), {}, {"restoration": "not installed"})
    with pytest.raises(SkippedError, match="net 'a' has nothing to learn: not installed"):
        net_folds._learnable("a", alone, missing, train)
