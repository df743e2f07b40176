"""What a file says of its own making stands beside its score: as signed, broken, elsewhere, absent; and nothing is fetched."""

import csv
import io
import random
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from importlib.util import find_spec
from typing import get_args

import numpy as np
import pytest

from features.views import Face
from models.bundle import Prediction
from models.detection.faces import NO_FACE
from pipeline.reporting.explanation_page import _credentials as on_page
from pipeline.reporting.language import translated
from pipeline.serving import content_credentials
from pipeline.serving.content_credentials import (
    LONGEST,
    MOST,
    ContentCredentials,
    Status,
    read_credentials,
)
from pipeline.serving.pictures import read_picture
from pipeline.serving.prediction_files import write_predictions
from pipeline.serving.prediction_rows import by_model
from pipeline.serving.scoring import score_files
from tests.fuzz.mutations import damaged
from tests.pipeline.serving.signed import MIME, SIGNER, plain, signed

needs_c2pa = pytest.mark.skipif(
    find_spec("c2pa") is None, reason="needs the extra 'provenance' (c2pa-python)"
)


@pytest.fixture
def library(monkeypatch):
    """Makes the library present that cannot be loaded, or absent."""

    def set_to(*, present):
        monkeypatch.setattr(content_credentials, "find_spec", lambda name: present or None)
        monkeypatch.setitem(sys.modules, "c2pa", None)

    return set_to


def test_without_the_library_nothing_is_said(library):
    library(present=False)
    assert read_credentials(plain()) is None
    assert read_credentials(b"jumb c2pa") is None
    assert read_picture(plain(), max_pixels=10**6).credentials is None


def test_a_file_without_credentials_does_not_even_load_the_library(library):
    library(present=True)
    for kind in MIME:
        assert read_credentials(plain(kind)) == ContentCredentials("absent")
    with pytest.raises(ImportError):
        read_credentials(b"jumb c2pa")  # it would load it


@needs_c2pa
@pytest.mark.parametrize("kind", MIME)
def test_a_signed_file_is_valid_and_a_changed_one_is_broken(kind):
    data = signed(kind)
    found = read_credentials(data)
    assert found == ContentCredentials(
        "valid", signer=SIGNER, tool="tests", sources=("trainedAlgorithmicMedia",)
    )
    original = plain(kind)
    piece = original[-60:-30]  # of the picture itself, which signing leaves as it is
    at = data.rindex(piece)
    changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    broken = read_credentials(changed)
    assert broken.status == "broken"
    assert (broken.signer, broken.sources) == (found.signer, found.sources)
    assert broken.problems in (("assertion.dataHash.mismatch",), ("assertion.bmffHash.mismatch",))


@needs_c2pa
def test_credentials_that_cannot_be_read_are_broken():
    data = signed()
    at = data.index(b"jumb")
    found = read_credentials(data[: at + 40] + bytes(100) + data[at + 140 :])
    assert found.status == "broken" and found.problems and not found.sources


@needs_c2pa
def test_without_credentials_the_words_alone_are_none():
    # Bytes that any file may hold behind its end.
    assert read_credentials(plain() + b"jumb c2pa provenance") == ContentCredentials("absent")
    assert read_credentials(b"text about provenance") == ContentCredentials("absent")


def asked(read, data, *, server):
    """Whether reading a file opens a connection to a server, that hangs up."""
    heard = []

    def wait():
        server.settimeout(20)
        connection, _ = server.accept()
        heard.append(connection.recv(4))
        connection.close()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    read(data)
    with socket.create_connection(
        server.getsockname()
    ) as own:  # ours is the first, unless it was asked before
        own.sendall(b"ours")
        thread.join(20)
    return heard != [b"ours"]


@needs_c2pa
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_credentials_kept_elsewhere_are_never_fetched(kind):
    import c2pa

    def by_default(data):
        with pytest.raises(c2pa.C2paError, match="Remote"):
            c2pa.Reader(None, io.BytesIO(data), context=c2pa.Context())

    with socket.create_server(("127.0.0.1", 0)) as server:
        data = signed(kind, address=f"http://127.0.0.1:{server.getsockname()[1]}/m.c2pa")
        assert asked(by_default, data, server=server)  # what is being tested does occur
        assert not asked(read_credentials, data, server=server)
    assert read_credentials(data) == ContentCredentials("elsewhere")


@needs_c2pa
def test_each_of_the_two_locks_holds_alone(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        data = signed(address=f"http://127.0.0.1:{server.getsockname()[1]}/m.c2pa")
        for lock in ("verify", "core"):
            only = {"version": 1, lock: content_credentials._SETTINGS[lock]}
            monkeypatch.setattr(content_credentials, "_SETTINGS", only)
            assert not asked(read_credentials, data, server=server)
            monkeypatch.undo()


@needs_c2pa
def test_damaged_files_are_told_and_never_raise():
    files = [signed(kind) for kind in MIME]
    for number in range(300):
        rng = random.Random(number)
        found = read_credentials(damaged(rng.choice(files), rng, others=files))
        assert found.status in get_args(Status)


def test_a_strangers_values_are_bounded_and_on_one_line():
    action = {"digitalSourceType": "http://x/" + "a\n\u202e<b>" * 1000}
    many = [{"digitalSourceType": f"http://x/{number}"} for number in range(100)]
    manifest = {
        "assertions": [
            {"label": "c2pa.actions", "data": {"actions": [action, *many, 7, {}, {"digitalSourceType": 7}]}},
            {"label": "x", "data": "text"},
            {"label": "y", "data": {"actions": "text"}},
            {},
        ],
        "signature_info": {"issuer": "\x1b[31m" + "b" * 1000},
    }
    store = {"active_manifest": "m", "manifests": {"m": manifest}, "validation_state": "Invalid"}
    found = content_credentials._told(store)
    assert len(found.sources) == MOST and found.sources[1] == "0"
    for value in (found.signer, *found.sources):
        assert value.isprintable() and len(value) <= LONGEST
    assert content_credentials._told({}).status == "broken"


EACH = [
    ContentCredentials("absent"),
    ContentCredentials("elsewhere"),
    ContentCredentials("valid", signer="A & B", sources=("digitalCapture",)),
    ContentCredentials("broken", signer="A & B", problems=("assertion.dataHash.mismatch",)),
]


@pytest.mark.parametrize("told", EACH, ids=lambda told: told.status)
def test_each_state_has_its_sentence_in_both_languages(told):
    (paragraph,) = on_page(told)
    assert ("A & B" in paragraph.text) == (told.status in ("valid", "broken"))
    assert all(value in paragraph.text for value in (*told.sources, *told.problems))
    chinese = translated(paragraph.text, "zh")
    assert "内容凭证" in chinese and all(value in chinese for value in (*told.sources, *told.problems))
    assert on_page(None) == []


class OneFace:
    """A bundle that gives every picture the same score."""

    max_pixels, prior, precision = 10**6, 0.25, "f32"

    def score(self, pixels, *, every_face):
        scored = Prediction(0.5, 0.5, {"labelled": 1.0})
        face = Face(True, 1, 0.9, np.zeros(4, np.float32), np.zeros((5, 2), np.float32))
        return [[(scored, face)] for _ in pixels]


@needs_c2pa
def test_they_stand_in_the_details_and_change_no_score_and_no_warning(tmp_path):
    files = [("plain.jpg", plain()), ("signed.jpg", signed()), ("array", np.zeros((8, 8, 3), np.uint8))]
    rows = score_files(files, OneFace())
    assert [row.credentials and row.credentials.status for row in rows] == ["absent", "valid", None]
    bare = [replace(row, credentials=None) for row in rows]
    assert len({(row.score, row.source, row.status, row.warnings) for row in bare}) == 1
    paths = [tmp_path / name for name in ("p.txt", "i.csv", "d.csv")]
    assert write_predictions(rows, *paths, kinds=["labelled"]) == (3, 0)
    with open(paths[2], newline="") as stream:
        found = list(csv.DictReader(stream))
    assert [row["credentials"] for row in found] == ["absent", "valid", ""]
    assert found[1]["credentials_signer"] == SIGNER
    assert found[1]["credentials_sources"] == "trainedAlgorithmicMedia" and found[1]["labelled"] == "1.0000"


def test_a_row_without_a_file_has_none():
    row = by_model("a", Prediction(0.5, 0.5, {}), [], face=NO_FACE, precision="f32")
    assert row.credentials is None


def test_what_the_front_of_the_service_loads_has_no_library():
    code = "import sys, pipeline.service.results; sys.exit('c2pa' in sys.modules or 'numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
