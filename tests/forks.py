"""`python -m pipeline.<stage>` and `dvc` in forks of a process that has the libraries loaded.

What a stage of the small clone does takes a second or two, what it imports takes up to ten. So commands that run stages
hundreds of times find a `python` and a `dvc` in PATH that hand their arguments, folder, environment and streams to this
server, which forks. The fork imports our code from the folder that it stands in, works there and ends with the command's
status. If the one who asked is killed, the fork and all that it started are killed with it.
"""

from __future__ import annotations

import json
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

LIBRARIES = (
    *("torch", "torch._dynamo", "torchvision", "timm", "facenet_pytorch", "lightgbm", "matplotlib", "jinja2"),
    *(
        "pandas",
        "pyarrow.parquet",
        "scipy.stats",
        "scipy.fft",
        "scipy.sparse.csgraph",
        "scipy.optimize",
        "cv2",
    ),
    *("pydantic", "ruamel.yaml", "joblib", "PIL.Image", "simplejpeg", "safetensors.torch", "tqdm", "pywt"),
    *("sklearn.decomposition", "sklearn.model_selection", "matplotlib.backends.backend_svg"),
    *("dvc.cli", "dvc.commands.repro", "dvc.repo", "dvc.repo.reproduce", "dvc.stage.run", "dvc.stage.cache"),
    *(
        "dvc_data.hashfile.build",
        "dvc_data.hashfile.checkout",
        "dvc_objects.fs.local",
        "scmrepo.git",
        "pygit2",
    ),
)
_SHIM = """#!{python} -SE
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as line:
    line.connect({server!r})
    asked = json.dumps(["{name}", *sys.argv[1:]]), os.getcwd(), dict(os.environ)
    socket.send_fds(line, [b"fds"], [0, 1, 2])
    line.sendall(json.dumps(asked).encode() + b"\\n")
    sys.exit(int(line.makefile().readline() or 137))
"""
_START_S = 600


def serve(path: str) -> None:
    """Answer for ever; each request in two forks, one that works and one that watches it."""
    for name in LIBRARIES:
        import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path + ".new")
        server.listen()
        os.rename(path + ".new", path)  # it is there when it answers
        while True:
            line, _ = server.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                server.close()
                _watch(line)
                os._exit(0)
            line.close()


def _watch(line: socket.socket) -> None:
    """Do what is asked; tell the status, or kill the work when nobody waits for it any more."""
    _, streams, *_ = socket.recv_fds(line, 3, 3)
    asked = line.makefile().readline()
    if not asked:
        return
    worker = os.fork()
    if worker == 0:
        line.close()
        os.setsid()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os._exit(_work(*json.loads(asked)))
    for stream in streams:
        os.close(stream)
    ended = os.pidfd_open(worker)
    if ended not in select.select([line, ended], [], [])[0]:
        os.killpg(worker, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])
    try:
        line.sendall(f"{status if status >= 0 else 128 - status}\n".encode())
    except OSError:
        return


def _work(command: str, folder: str, environment: dict[str, str]) -> int:
    """Run the command in this process; returns its status."""
    name, *arguments = json.loads(command)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    status: object = 0
    try:
        if name == "dvc":
            sys.argv = ["dvc", *arguments]
            status = import_module("dvc.cli").main(arguments)
        else:
            flag, module, *rest = arguments
            if flag != "-m":
                raise ValueError(f"python {flag} is not known here; only python -m <module>")
            sys.path.insert(0, folder)
            sys.argv = [module, *rest]
            runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        status = ended.code
    except BaseException:
        traceback.print_exc()
        status = 1
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return status if isinstance(status, int) else int(status is not None)


@contextmanager
def fork_server(folder: Path) -> Iterator[Path]:
    """A folder for the beginning of PATH, whose `python` and `dvc` are answered until the end of the `with`."""
    path = folder / "server"
    for name in ("python", "dvc"):
        shim = folder / name
        shim.write_text(_SHIM.format(python=sys.executable, server=str(path), name=name))
        shim.chmod(0o755)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.forks", str(path)],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "OMP_NUM_THREADS": "1", "DVC_NO_ANALYTICS": "1"},
    )
    try:
        until = time.monotonic() + _START_S
        while not path.exists():
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the server of forks does not answer; its error is above")
            time.sleep(0.05)
        yield folder
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    serve(sys.argv[1])
