"""A packed bundle: the same parts come out, or one line says why not."""

import errno
import hashlib
import json
import struct
import zipfile

import pytest

from models.bundle_files import files_of, write_info
from models.bundle_info import FILE, BundleError
from pipeline import bundle as command
from pipeline.serving import packing
from pipeline.serving.packing import pack, unpack
from tests.models.test_bundle_info import PARTS, record


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "model"
    for name in PARTS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode() * 100)
    write_info(folder, record(files=files_of(folder)))
    return folder


def rewritten(source, target, change):
    """A copy of a packed bundle whose {name: bytes} were changed."""
    with zipfile.ZipFile(source) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in change(parts).items():
            archive.writestr(name, data)


def test_what_was_packed_comes_out(folder, tmp_path, capsys):
    command.main(["pack", str(folder), "--out", str(tmp_path / "m.faketrace")])
    command.main(["unpack", str(tmp_path / "m.faketrace"), "--out", str(tmp_path / "out")])
    assert (tmp_path / "out" / FILE).read_bytes() == (folder / FILE).read_bytes()
    assert files_of(tmp_path / "out").items() >= files_of(folder).items()
    assert files_of(tmp_path / "out").keys() == files_of(folder).keys()
    command.main(["info", str(tmp_path / "out")])
    assert '"format": 2' in capsys.readouterr().out


def test_the_same_bundle_gives_the_same_file(folder, tmp_path):
    for name in ("a", "b"):
        pack(folder, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def flipped(parts):
    name = "novelty.safetensors"
    return parts | {name: parts[name][:-1] + bytes([parts[name][-1] ^ 1])}


CHANGES = {
    "a part altered": (flipped, "novelty.safetensors is damaged or was altered"),
    "a part missing": (
        lambda p: {n: d for n, d in p.items() if n != "novelty.safetensors"},
        "does not hold novelty",
    ),
    "a part too many": (
        lambda p: p | {"extra.txt": b""},
        "holds 'extra.txt', which its record does not name",
    ),
    "a name that leads out": (
        lambda p: p | {"../out.txt": b""},
        "holds '../out.txt', which its record does not name",
    ),
    "no record": (lambda p: {n: d for n, d in p.items() if n != FILE}, "holds no bundle.json"),
    "another record": (lambda p: p | {FILE: b"{}"}, "damaged: it is no JSON record"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_file_is_refused_and_leaves_nothing(folder, tmp_path, name):
    change, message = CHANGES[name]
    pack(folder, tmp_path / "whole")
    rewritten(tmp_path / "whole", tmp_path / "changed", change)
    with pytest.raises(BundleError, match=message):
        unpack(tmp_path / "changed", tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["changed", "model", "whole"]


def says(record, **changes):
    """The bytes of a bundle.json under a right hash, whatever it says."""
    whole = json.loads(record)["record"] | changes
    digest = hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()
    return (json.dumps({"format": 2, "sha256": digest, "record": whole}, indent=1) + "\n").encode()


@pytest.mark.parametrize(
    "names", [("zz", "zz/b"), ("a" * 300,), ("/".join("a" * 3000),), (FILE,)], ids=lambda names: names[-1][:5]
)
def test_names_that_cannot_lie_together_in_a_folder_are_refused(folder, tmp_path, names):
    def change(parts):
        files = {name: hashlib.sha256(b"x").hexdigest() for name in names}
        record = says(parts[FILE], files={**files_of(folder), **files})
        return parts | dict.fromkeys(names, b"x") | {FILE: record}

    pack(folder, tmp_path / "whole")
    rewritten(tmp_path / "whole", tmp_path / "changed", change)
    with pytest.raises(BundleError, match=r"changed/bundle\.json is damaged: files"):
        unpack(tmp_path / "changed", tmp_path / "out")


def test_a_disk_that_holds_two_names_for_one_refuses_them_without_a_trace(folder, tmp_path, monkeypatch):
    pack(folder, tmp_path / "whole")
    opened = packing.Path.open

    def taken(path, mode="r", **given):
        if mode == "xb" and path.name == PARTS[0]:
            raise FileExistsError(errno.EEXIST, "there already", str(path))
        return opened(path, mode, **given)

    monkeypatch.setattr(packing.Path, "open", taken)
    with pytest.raises(BundleError, match=f"whole: {PARTS[0]} is not where the file says"):
        unpack(tmp_path / "whole", tmp_path / "out")


def test_a_full_disk_is_not_the_files_fault(folder, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "full")

    pack(folder, tmp_path / "whole")
    monkeypatch.setattr(packing.shutil, "copyfileobj", full)
    with pytest.raises(OSError, match="full"):
        unpack(tmp_path / "whole", tmp_path / "out")
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):  # of the caller's own folders
        unpack(tmp_path / "whole", tmp_path / "file/out")


@pytest.mark.parametrize("offset", [2**62, 2**63 - 1, 2**63, 2**64 - 1])
def test_a_part_that_is_said_to_lie_where_no_file_reaches_is_refused(tmp_path, offset):
    name, extra = FILE.encode(), struct.pack("<HHQ", 1, 8, offset)
    entry = struct.pack(
        "<4s4B4HL2L5H2L",
        b"PK\1\2",
        20,
        0,
        20,
        0,
        0,
        0,
        0,
        0x21,
        0,
        2,
        2,
        len(name),
        len(extra),
        0,
        0,
        0,
        0,
        2**32 - 1,
    )
    entry += name + extra
    (tmp_path / "f").write_bytes(entry + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(entry), 0, 0))
    with pytest.raises(BundleError, match=r"f: bundle\.json is not where|f is damaged, or no packed bundle"):
        unpack(tmp_path / "f", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


@pytest.mark.parametrize("data", [b"", b"PK", b"text"])
def test_another_file_is_no_packed_bundle(tmp_path, data):
    (tmp_path / "f").write_bytes(data)
    with pytest.raises(BundleError, match="is damaged, or no packed bundle"):
        unpack(tmp_path / "f", tmp_path / "out")


def test_a_cut_file_is_refused(folder, tmp_path):
    pack(folder, tmp_path / "whole")
    data = (tmp_path / "whole").read_bytes()
    for length in range(1, len(data), max(len(data) // 20, 1)):
        (tmp_path / "cut").write_bytes(data[:length])
        with pytest.raises(BundleError):
            unpack(tmp_path / "cut", tmp_path / "out")


def test_a_folder_that_is_there_is_not_touched(folder, tmp_path):
    pack(folder, tmp_path / "whole")
    with pytest.raises(BundleError, match="is there already"):
        unpack(tmp_path / "whole", folder)


def test_damage_is_found_before_packing(folder, tmp_path):
    (folder / "reference.safetensors").write_bytes(b"x")
    with pytest.raises(BundleError, match="damaged or was altered"):
        command.main(["pack", str(folder), "--out", str(tmp_path / "m")])
    with pytest.raises(BundleError, match="damaged or was altered"):
        command.main(["verify", str(folder)])


def test_a_strangers_bundle_is_tried_in_a_process_of_its_own_before_its_nets_run_here(folder, monkeypatch):
    """The record's code is none of ours, so that check is left out."""

    def tried(path, record_bytes, info):
        assert record_bytes == (path / FILE).read_bytes()
        raise BundleError("its first use failed")

    monkeypatch.setattr(command, "refuse_other_code", lambda *_: None)
    monkeypatch.setattr(command, "require", tried)
    monkeypatch.setattr(command, "_graphs", lambda *_: pytest.fail("its nets ran"))
    with pytest.raises(BundleError, match="its first use failed"):
        command.main(["verify", str(folder)])
