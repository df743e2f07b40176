"""net.json: what is written is read again; what is damaged is refused with its place."""

import json
from dataclasses import replace

import pytest

from models.nets.net_spec import NetError, NetSpec, read_record, write_record

SPEC = NetSpec(
    "resnet10t", {"in_chans": 3}, "npr", "native", 64, (0.5, 0.4, 0.3), (0.5, 0.25, 0.2), "test", ("blend",)
)


def test_a_record_comes_back_as_it_was_written(tmp_path):
    write_record(tmp_path, SPEC, members=3)
    record = read_record(tmp_path)
    assert record.spec == SPEC
    assert record.members == 3
    write_record(tmp_path, replace(SPEC, normalise=True), members=1)
    assert read_record(tmp_path).spec.normalise


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"members": 0}, "members: .*greater than or equal to 1"),
        ({"input": "bgr"}, "input: .*'rgb', 'npr' or 'highpass'"),
        ({"crop": None}, "crop: .*'aligned' or 'native'"),
        ({"std": [0.5, 0, 0.5]}, "std.1: .*greater than 0"),
        ({"mean": [0.5]}, "mean: .*at least 3"),
        ({"size": "big"}, "size: .*integer"),
        ({"normalise": "often"}, "normalise: .*boolean"),
        ({"size": 10**9}, "size: .*less than or equal to 2048"),
        ({"members": 10**9}, "members: .*less than or equal to 100"),
        ({"model": "hf-hub:someone/net"}, "model: .*pattern"),
        ({"model": "local-dir:/tmp"}, "model: .*pattern"),
        (
            {"model_args": {"pretrained": True}},
            "model_args: .*'pretrained' is not let through to timm; allowed are img_size",
        ),
        (
            {"model_args": {"pretrained_cfg": {"url": "http://a"}}},
            "model_args: .*'pretrained_cfg' is not let through",
        ),
        (
            {"model_args": {"checkpoint_path": "/etc/passwd"}},
            "model_args: .*'checkpoint_path' is not let through",
        ),
        ({"model_args": {"cache_dir": "/tmp"}}, "model_args: .*'cache_dir' is not let through"),
        ({"model_args": {"img_size": 10**9}}, "model_args: .*img_size: .*2048"),
        ({"model_args": {"img_size": "224"}}, "model_args: .*img_size: .*integer"),
        ({"model_args": {"act_layer": "os.system"}}, "model_args: .*act_layer: .*pattern"),
        ({"model_args": {"in_chans": 1}}, "model_args: .*in_chans: .*3"),
        ({"colour": 1}, "colour: .*[Uu]nexpected"),
    ],
)
def test_a_value_that_no_net_can_have_is_named(tmp_path, change, message):
    write_record(tmp_path, SPEC, members=1)
    path = tmp_path / "net.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(NetError, match=f"net.json is damaged: {message}.*; copy the folder again"):
        read_record(tmp_path)


@pytest.mark.parametrize(
    "key", ["model", "model_args", "input", "crop", "size", "mean", "std", "origin", "members"]
)
def test_a_missing_key_is_named(tmp_path, key):
    write_record(tmp_path, SPEC, members=1)
    path = tmp_path / "net.json"
    record = json.loads(path.read_text())
    del record[key]
    path.write_text(json.dumps(record))
    with pytest.raises(NetError, match=f"net.json is damaged: {key}: "):
        read_record(tmp_path)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff\xfe\x00"])
def test_what_is_no_record_is_refused(tmp_path, data):
    (tmp_path / "net.json").write_bytes(data)
    with pytest.raises(NetError, match="net.json is damaged: the whole file: "):
        read_record(tmp_path)


def test_a_missing_record_is_named(tmp_path):
    with pytest.raises(NetError, match="net.json is missing"):
        read_record(tmp_path)
