"""What a bundle says of itself, and which folders are loaded."""

from types import SimpleNamespace

import lightgbm
import numpy as np
import pytest

from models.bundle_info import BlockInfo, BundleError, NetInfo
from pipeline.serving.bundles import _warnings, load_bundle


def booster(rows):
    """A small LightGBM, with a split where there are rows enough for one."""
    x = np.arange(rows, dtype=np.float64)[:, None]
    data = lightgbm.Dataset(x, label=(x[:, 0] > rows / 2).astype(int), params={"verbosity": -1})
    return lightgbm.train({"objective": "binary", "min_data_in_leaf": 20, "verbosity": -1}, data, 2)


def warnings(*, rows=200, sort="spectral", nets=None, calibration=5, skipped=None, left_out=None):
    table = SimpleNamespace(blocks={"a": BlockInfo(sort=sort, columns=["a.x"])}, skipped=skipped or {})
    return _warnings(
        table,
        SimpleNamespace(boosters=[booster(rows)]),
        nets or {},
        calibration=calibration,
        left_out=left_out or {},
    )


def test_a_whole_model_has_nothing_to_say():
    assert warnings() == []


def test_a_kind_without_its_generator_is_named():
    assert warnings(left_out={"restoration": "not installed"}) == ["no restoration: not installed"]


def test_a_model_without_a_single_split_says_so():
    assert warnings(rows=30) == [
        "too few training images: no tree was grown, and every score is about the share of fakes"
    ]


def test_nets_without_images_to_calibrate_on_or_weights_say_so():
    net = NetInfo(
        model="m",
        input="rgb",
        crop="aligned",
        size=64,
        origin="from scratch (none)",
        n_models=1,
        mirror=True,
        precision="f32",
    )
    found = warnings(sort="net", nets={"net_a": net}, calibration=0, skipped={"b": "b was left out"})
    assert found[0] == "b was left out"
    assert "calibrated out of fold" in found[1]
    assert found[2] == "net_a: from scratch (none)"


def test_a_folder_without_a_record_is_not_searched(tmp_path, monkeypatch):
    def searched(folder):
        raise AssertionError(f"{folder} was searched")

    monkeypatch.setattr("pipeline.serving.bundles.folder_fingerprint", searched)
    with pytest.raises(BundleError, match="holds no bundle.json"):
        load_bundle(tmp_path, "cpu")
