"""Pretrained weights from the Hugging Face hub, through its own settings: each case in a process with an environment."""

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
from safetensors.torch import save

ROOT = Path(__file__).parents[3]
MODEL = "mobilenetv3_small_050"
REPOSITORY = timm.get_pretrained_cfg(MODEL).hf_hub_id
FIND = """
import json, sys
from pathlib import Path
from models.nets.checkpoints import WeightsError, find

report = {}
for weights in sys.argv[2:]:
    try:
        checkpoint = find(model=sys.argv[1], weights=weights, folder=Path("data/weights"))
        first = None if checkpoint.state is None else float(checkpoint.state["conv_stem.weight"].flatten()[0])
        report[weights] = {"origin": checkpoint.origin, "size": checkpoint.size, "first": first}
    except WeightsError as error:
        report[weights] = {"error": str(error)}
print(json.dumps(report))
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


def look(home, *weights, **environment):
    """What `find` says in a fresh process; no setting of the hub but these reaches it."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGINGFACE_"))}
    settings = {**clean, "HF_HOME": str(home), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment}
    run = subprocess.run(
        [sys.executable, "-c", FIND, MODEL, *weights], env=settings, capture_output=True, text=True, cwd=home
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_a_mirror_gives_the_weights_once_and_the_cache_after_that(tmp_path, file):
    mirror = Mirror({f"/{REPOSITORY}/resolve/main/model.safetensors": file})
    report = look(tmp_path, "auto", "pretrained", HF_ENDPOINT=mirror.address)
    mirror.shutdown()
    mirror.server_close()
    assert report["auto"]["first"] is None  # only `pretrained` may download
    expected = {"origin": f"timm hub {REPOSITORY}", "size": 224, "first": 42.0}
    assert report["pretrained"] == expected
    again = look(tmp_path, "auto", "pretrained", HF_HUB_OFFLINE="1")
    assert again == {"auto": expected, "pretrained": expected}


def test_a_mirror_without_the_file_is_named(tmp_path):
    mirror = Mirror({})
    report = look(tmp_path, "auto", "pretrained", HF_ENDPOINT=mirror.address)
    mirror.shutdown()
    mirror.server_close()
    assert mirror.requests
    assert report["auto"]["origin"].startswith("from scratch")
    error = report["pretrained"]["error"]
    assert f"neither in data/weights nor in the hub's cache {tmp_path}/hub" in error
    assert f"{mirror.address}/{REPOSITORY} did not give model.safetensors" in error
    assert (
        f"put {MODEL}.safetensors and {MODEL}.json into data/weights, or set weights to auto or none" in error
    )
    assert "\n" not in error


@pytest.mark.parametrize(
    "environment", [{"HF_ENDPOINT": "http://127.0.0.1:9"}, {"HF_HUB_OFFLINE": "1"}], ids=["closed", "offline"]
)
def test_a_hub_that_cannot_be_reached_is_named(tmp_path, environment):
    error = look(tmp_path, "pretrained", **environment)["pretrained"]["error"]
    address = environment.get("HF_ENDPOINT", "https://huggingface.co")
    assert f"{address}/{REPOSITORY} did not give model.safetensors" in error
    assert "or set weights to auto or none" in error
    assert "\n" not in error
