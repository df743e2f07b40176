"""python -m pipeline.serve as a process: the scores of predict, a packed bundle, and an end that answers what it accepted."""

import base64
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

pytest.importorskip("fastapi", reason="needs the extra 'serve'")

from models.bundle_files import write_info
from models.errors import UserError
from pipeline import bundle as bundle_command
from pipeline import serve
from pipeline.predict import score_many
from pipeline.runtime import command
from pipeline.service import server, start
from pipeline.storage.addresses import scoring_code
from tests.fuzz.bundles import write_bundle
from tests.installations import without


def ask(port, body, *, path="/score", kind="application/octet-stream"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("POST", path, body, {"content-type": kind})
    response = connection.getresponse()
    status, data = response.status, response.read()
    connection.close()
    is_json = response.headers["content-type"] == "application/json"
    return status, json.loads(data) if is_json else data.decode()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A bundle of trees, packed and unpacked."""
    folder = tmp_path_factory.mktemp("packed")
    info = write_bundle(folder / "whole")
    write_info(folder / "whole", info.model_copy(update={"code": scoring_code(info.blocks)}))
    bundle_command.main(["pack", str(folder / "whole"), "--out", str(folder / "m.faketrace")])
    bundle_command.main(["unpack", str(folder / "m.faketrace"), "--out", str(folder / "model")])
    return folder / "model"


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """Pictures of noise, of several sizes."""
    folder, rng = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    for number in range(12):
        size = (int(rng.integers(60, 200)), int(rng.integers(60, 200)), 3)
        smooth = cv2.GaussianBlur(rng.integers(0, 256, size).astype(np.uint8), (0, 0), 0.3 + number / 6)
        cv2.imwrite(str(folder / f"{number}.png"), smooth)
    return sorted(folder.iterdir())


def test_the_service_scores_as_predict_does_and_ends_when_all_is_answered(model, paths, tmp_path):
    """Where the packages of training are not installed; it explains, too."""
    images = {path.name: path.read_bytes() for path in paths}
    expected = dict(zip(images, score_many(paths, bundle=model), strict=True))
    audit = tmp_path / "audit.jsonl"
    options = ["--bundle", str(model), "--port", "0", "--workers", "1", "--audit", str(audit), "--drain", "0"]
    options += ["--wait", "300", "--work", "300"]  # a busy machine is slow
    with subprocess.Popen(
        [sys.executable, "-m", "pipeline.serve", *options],
        stderr=subprocess.PIPE,
        text=True,
        env=without("train", tmp_path),
    ) as process:
        ending = threading.Timer(200, process.kill)  # no test waits for ever
        ending.daemon = True
        ending.start()
        lines = iter(process.stderr.readline, "")
        port = int(next(line for line in lines if "ready on" in line).rpartition(":")[2])

        names = [{"name": name, "data": base64.b64encode(data).decode()} for name, data in images.items()][:8]
        status, body = ask(port, json.dumps({"images": names}), kind="application/json")
        assert status == 200
        assert {image["name"]: image["score"] for image in body["images"]} == {
            name: expected[name] for name in list(images)[:8]
        }
        status, why = ask(port, images[paths[0].name], path="/explain")
        assert status == 200 and why["images"][0]["score"] == expected[paths[0].name]
        assert why["reasons"]["pictures"]["face"].startswith("data:image/png;base64,")
        status, page = ask(port, images[paths[0].name], path="/explain?page=true")
        assert status == 200 and "Radial spectrum of the image" in page

        def one(name):
            try:
                status, body = ask(port, images[name])
            except (ConnectionError, http.client.HTTPException):
                return "not accepted"
            return (
                "right"
                if status == 200 and body["images"][0]["score"] == expected[name]
                else f"wrong {status}"
            )

        with ThreadPoolExecutor(16) as pool:
            first = pool.submit(one, paths[0].name)
            asked = [pool.submit(one, name) for name in list(images) * 3]
            first.result()
            process.send_signal(signal.SIGTERM)
            heard = Counter(future.result() for future in asked)
        rest = process.stderr.read()
        ending.cancel()
    assert process.returncode == 0 and "ended;" in rest
    assert set(heard) <= {"right", "not accepted"}
    answered = heard["right"] + 1  # and the first
    assert len(audit.read_text().splitlines()) == answered + 8 + 2  # and those before


def test_a_second_signal_does_not_cut_the_end_short(monkeypatch, tmp_path):
    """It would leave Python waiting for processes that do not listen to it."""
    done = []

    class Pool:
        def start(self):
            done.append("started")

        def stop(self):
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                os.kill(os.getpid(), number)
            done.append("stopped")

        def kill(self):
            done.append("killed")

    monkeypatch.setattr(server, "listening", lambda *_: None)
    monkeypatch.setattr(server, "run_server", lambda *_: None)
    monkeypatch.setattr(start, "open_service", lambda _: (SimpleNamespace(pool=Pool(), answered=0), None))
    monkeypatch.setattr(serve, "main", lambda real=serve.main: real(["--bundle", str(tmp_path)]))
    before = signal.getsignal(signal.SIGTERM)
    command.run("serve")
    assert done == ["started", "stopped", "killed"]
    assert signal.getsignal(signal.SIGTERM) == before


def test_what_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(serve, "find_spec", lambda name: None if name == "uvicorn" else object())
    with pytest.raises(UserError, match=r"uvicorn is not installed; run: pip install .*\[serve\]"):
        serve.main([])


def test_a_folder_that_is_no_bundle_is_one_line(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-m", "pipeline.serve", "--bundle", str(tmp_path), "--port", "0"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 2
    assert "holds no bundle.json" in ended.stderr and len(ended.stderr.splitlines()) == 1
