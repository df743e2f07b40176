"""What a process needs before it works: its memory, its threads, its device."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import sys
import threading
import time
from importlib import import_module
from importlib.util import find_spec

import cv2
from joblib import cpu_count
from threadpoolctl import threadpool_limits

from models.errors import UserError

# glibc's <malloc.h>
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -2, -3, -4
_TOP_PAD = 64 << 20
# Bytes of a block that is given back at once: above what a face's numbers take, below a large photo and what is made of it;
# where torch computes, above every tensor of a training step.
_GIVEN_BACK, _GIVEN_BACK_OF_TENSORS = 16 << 20, 128 << 20
_GPU_BYTES = (
    3 << 30
)  # of a GPU's memory for each process that uses it: torch's context, a detector or nets, a batch
_LOOK_S = 0.5  # seconds between two looks at the parent
_TORCH_HAS_NO_MEMORY = ("can't allocate memory", "out of memory")  # on the CPU, on a GPU


def tune_malloc(*, tensors: bool = False) -> None:
    """Tell glibc to keep freed blocks, but for those of 16 MiB and more; nothing happens with another C library.

    By default each large tensor is mapped, zeroed and unmapped again. Measured on two cores: a training
    step of MobileNetV2 takes 14.8 ms an image with that and 9.4 ms without. Large photos are given back: among kept
    blocks they leave holes that the next one, of another size, does not fit into, and a process grew to 2.5 GiB.

    Parameters
    ----------
    tensors : bool
        Whether torch computes here: then blocks up to 128 MiB are kept.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        if not mallopt(
            _M_MMAP_THRESHOLD, _GIVEN_BACK_OF_TENSORS if tensors else _GIVEN_BACK
        ):  # an older glibc, which has no threshold as high
            mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(_M_TOP_PAD, _TOP_PAD)


def limit_blas() -> None:
    """Give numpy's BLAS one thread for the rest of this process.

    The products of the spectral blocks are so small that two threads take four times the processor time of one, and
    they sum in another order: the same picture would get other last digits.
    """
    threadpool_limits(1, user_api="blas")


def limit_threads(threads: int, *, tensors: bool = False) -> None:
    """Prepare this process for work: freed memory is kept, and threads are limited.

    numpy's BLAS gets one thread (`limit_blas`), however many there are for the rest.

    Parameters
    ----------
    threads : int
        Of OpenCV, and of torch, now or when it is imported: most work does without it. 0 for as they are.
    tensors : bool
        As of `tune_malloc`.
    """
    tune_malloc(tensors=tensors)
    limit_blas()
    if threads:
        cv2.setNumThreads(threads)
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):  # what torch reads when it is imported
            os.environ[name] = str(threads)
        if "torch" in sys.modules:
            import_module("torch").set_num_threads(threads)


def end_with(parent: int) -> None:
    """End this process within a second of its parent's end, whatever it is doing.

    A worker whose parent was killed would otherwise go on with the queue and then wait for more.

    Parameters
    ----------
    parent : int
        Id of the process that started this one.
    """
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C goes to the whole group: the parent ends its workers

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_S)
        os._exit(1)

    threading.Thread(target=watch, name="end with the parent", daemon=True).start()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory has run out, in Python's, OpenCV's or torch's words."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    if isinstance(error, cv2.error):
        return error.code == cv2.Error.StsNoMem
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _TORCH_HAS_NO_MEMORY)


class DeviceError(UserError):
    """A device that was asked for and is not there."""


def _has_gpu_driver() -> bool:
    """Whether a driver that torch could use is there: NVIDIA's library, or the device file of AMD's.

    Asked before torch, whose import takes seconds.
    """
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return os.path.exists("/dev/kfd")
    return True


def pick_device(wanted: str) -> str:
    """The device to use, prepared for results that are those of the CPU.

    On CUDA, convolutions are kept in full float32. By default cuDNN rounds their factors to 10 bits (TF32), measured
    on an H100: boxes down to an IoU of 0.86 with those of the CPU, scores off by up to 0.17; in full float32 boxes
    agree to 1e-4 px and logits to 5e-4.

    Parameters
    ----------
    wanted : {"auto", "cpu", "cuda"}

    Returns
    -------
    {"cpu", "cuda"}

    Raises
    ------
    DeviceError
        Where CUDA is wanted and absent, or was used by the process that this one was forked from.
    """
    if wanted == "cpu" or (wanted == "auto" and not (_has_gpu_driver() and find_spec("torch"))):
        return "cpu"
    import torch

    present = torch.cuda.is_available()
    if wanted == "cuda" and not present:
        raise DeviceError("compute.device is 'cuda', but torch sees no CUDA device; use auto or cpu")
    if not present:
        return "cpu"
    if torch.cuda._is_in_bad_fork():
        raise DeviceError(
            "this process was forked from one that has used CUDA, which CUDA does not allow; start it with "
            "multiprocessing's 'spawn', or score only after the fork"
        )
    torch.backends.cudnn.allow_tf32 = False
    return "cuda"


def gpu_processes(wanted: int) -> int:
    """How many processes share the GPU.

    One alone decodes and cuts too slowly for it: at 5 ms a picture on the processor a GPU waits nine tenths of its time.

    Parameters
    ----------
    wanted : int
        At most; 0 for one per core.

    Returns
    -------
    int
        At least 1.
    """
    import torch

    free, _ = torch.cuda.mem_get_info()
    return max(1, min(wanted or cpu_count(), free // _GPU_BYTES))
