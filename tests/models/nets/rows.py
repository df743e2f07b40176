"""Rows of a saved net in another process, which loads as little as one that scores."""

import sys
from importlib import import_module

import cv2

from models.nets.face_net import FaceNet


def rows_of(folder, pictures, threads):
    """Rows of these crops, with so many threads of OpenCV, and of torch where it is loaded."""
    cv2.setNumThreads(threads)
    if "torch" in sys.modules:
        import_module("torch").set_num_threads(threads)
    return FaceNet.load(folder)(pictures)
