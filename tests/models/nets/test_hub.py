"""Pretrained weights from the Hugging Face hub, through its own settings: each case in a process with an environment.

All are forks of one process, which has loaded torch and not yet what reads those settings.
"""

import hashlib
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import timm
import torch
from huggingface_hub import constants
from safetensors.torch import save

from models.nets.checkpoints import find
from models.nets.packaged import WeightsError

ROOT = Path(__file__).parents[3]
MODEL = "mobilenetv3_small_050"
REPOSITORY = timm.get_pretrained_cfg(MODEL).hf_hub_id
GIVEN = {"origin": f"timm hub {REPOSITORY}", "size": 224, "first": 42.0}
FIND = """
import json, os, sys, time
import torchvision

time.sleep = lambda _: None  # the hub waits 23 s between five attempts
from pathlib import Path

def report():
    from models.nets.checkpoints import find
    from models.nets.packaged import WeightsError

    found = {}
    for weights in ("auto", "pretrained"):
        try:
            checkpoint = find(model=sys.argv[1], weights=weights, folder=Path("data/weights"))
            first = None if checkpoint.state is None else float(checkpoint.state["conv_stem.weight"].flatten()[0])
            found[weights] = {"origin": checkpoint.origin, "size": checkpoint.size, "first": first}
        except WeightsError as error:
            found[weights] = {"error": str(error)}
    return found

for line in sys.stdin:
    assert not {"huggingface_hub", "timm"} & set(sys.modules), "the fork would not read its own settings"
    child = os.fork()
    if child == 0:
        os.environ.update(json.loads(line))
        print(json.dumps(report()), flush=True)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""


@pytest.fixture(scope="module")
def file():
    torch.manual_seed(0)
    state = timm.create_model(MODEL).state_dict()
    state["conv_stem.weight"].flatten()[0] = 42.0
    return save(state)


class Mirror(ThreadingHTTPServer):
    """A hub on this machine. content : by path; all else is not there."""

    def __init__(self, content):
        self.content, self.requests = content, []
        super().__init__(("127.0.0.1", 0), Answers)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def stop(self):
        self.shutdown()
        self.server_close()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answers(BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.server.requests.append(self.path)
        data = self.server.content.get(self.path)
        self.send_response(404 if data is None else 200)
        self.send_header("Content-Length", "0" if data is None else str(len(data)))
        if data is not None:
            self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
            self.send_header("X-Repo-Commit", "0" * 40)
        self.end_headers()
        return data

    def do_GET(self):
        data = self.do_HEAD()
        if data is not None:
            self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def look(tmp_path_factory):
    """What `find` says of each `weights` in a new process; no setting of the hub but those given reaches it."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGINGFACE_"))}
    with subprocess.Popen(
        [sys.executable, "-c", FIND, MODEL],
        env={**clean, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path_factory.mktemp("work"),
    ) as parent:

        def ask(home, **environment):
            parent.stdin.write(json.dumps({"HF_HOME": str(home), **environment}) + "\n")
            parent.stdin.flush()
            return json.loads(parent.stdout.readline())

        yield ask
        parent.stdin.close()


@pytest.fixture(scope="module")
def home(tmp_path_factory, file, look):
    """HF_HOME after the weights came from a mirror; what `find` said of them."""
    folder = tmp_path_factory.mktemp("home")
    mirror = Mirror({f"/{REPOSITORY}/resolve/main/model.safetensors": file})
    report = look(folder, HF_ENDPOINT=mirror.address)
    mirror.stop()
    return folder, report


def test_a_mirror_gives_the_weights_to_whom_asks_for_a_download(home):
    _, report = home
    assert report["auto"]["origin"].startswith("from scratch")
    assert report["pretrained"] == GIVEN


def test_offline_the_cache_serves_what_it_has(home, look):
    folder, _ = home
    assert look(folder, HF_HUB_OFFLINE="1") == {"auto": GIVEN, "pretrained": GIVEN}


def stopped_mirror():
    mirror = Mirror({})
    mirror.stop()
    return mirror


@pytest.mark.parametrize("mirror", [Mirror, stopped_mirror], ids=["404", "closed"])
def test_a_mirror_that_does_not_give_the_file_is_named(tmp_path, mirror, look):
    server = mirror({}) if mirror is Mirror else mirror()
    report = look(tmp_path, HF_ENDPOINT=server.address)
    if mirror is Mirror:
        server.stop()
        assert server.requests
    assert report["auto"]["origin"].startswith("from scratch")
    error = report["pretrained"]["error"]
    assert f"neither in data/weights, nor in a package, nor in the hub's cache {tmp_path}/hub" in error
    assert f"{server.address}/{REPOSITORY} did not give model.safetensors" in error
    assert (
        f"put {MODEL}.safetensors and {MODEL}.json into data/weights, or set weights to auto or none" in error
    )
    assert "\n" not in error


def test_offline_without_a_cache_it_is_said(tmp_path, monkeypatch):
    """In this process: the hub reads its settings when it is asked."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(
        WeightsError, match="did not give model.safetensors .*; put .* or set weights to auto"
    ) as error:
        find(model=MODEL, weights="pretrained", folder=tmp_path)
    assert "\n" not in str(error.value)
