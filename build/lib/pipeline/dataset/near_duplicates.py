"""Perceptual hashes of 256 bits, and clusters of images whose hashes nearly agree."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

HASH_BYTES = 32
THUMB = 32
FLAT = 2.0  # gray levels: below this spread a hash would describe noise
_FLUSH = 2_000_000  # edges held before they are merged: bounds memory, changes no result


def perceptual_hash(gray: NDArray[np.uint8]) -> bytes:
    """256-bit DCT hash of a picture.

    Bit k is set where the k-th of the lowest 16 x 16 DCT coefficients of the 32 x 32 thumbnail exceeds
    their median; the mean (first) is left out. 64 bits are too few for centred faces: at 256 bits
    re-encoding, rescaling, mild blur and noise move about 16 bits at most, and pictures of different
    people lie around 126.

    Parameters
    ----------
    gray : uint8 array, shape (H, W)
        The picture, of any size.

    Returns
    -------
    bytes
        `HASH_BYTES` bytes, b"" for a flat picture.

    References
    ----------
    Zauner 2010, "Implementation and benchmarking of perceptual image hash functions" (pHash, there with 8 x 8).
    """
    thumb = cv2.resize(gray, (THUMB, THUMB), interpolation=cv2.INTER_AREA).astype(np.float32)
    if float(thumb.std()) < FLAT:
        return b""
    low = dctn(thumb, norm="ortho")[:16, :16].ravel()
    bits = low > np.median(low[1:])
    bits[0] = False
    return np.packbits(bits).tobytes()


def cluster(hashes: Sequence[bytes], contents: Sequence[str], *, bits: int) -> NDArray[np.int64]:
    """Cluster the images that are copies or near-duplicates of each other.

    Parameters
    ----------
    hashes : sequence of bytes, length n
        Perceptual hashes, b"" for none.
    contents : sequence of str, length n
        Hash of each file's bytes, "" for none.
    bits : int
        Hamming distance up to which two perceptual hashes tie.

    Returns
    -------
    int64 array, shape (n,)
        Connected component of each image, numbered by first appearance.
    """
    count = len(hashes)
    label = np.arange(count)
    label = _merge(label, *_equal_pairs(contents))
    label = _merge(label, *_equal_pairs(hashes))
    owners: dict[bytes, int] = {}
    for index, value in enumerate(hashes):
        if value:
            owners.setdefault(value, index)
    if bits > 0 and len(owners) > 1:
        owner = np.fromiter(owners.values(), np.int64)
        codes = np.frombuffer(b"".join(owners), np.uint8).reshape(-1, HASH_BYTES)
        label = _link_near(label, owner, codes, bits=bits)
    return _by_appearance(label)


def _equal_pairs(
    values: Sequence[str] | Sequence[bytes],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    first: dict[object, int] = {}
    pairs = [(first.setdefault(value, i), i) for i, value in enumerate(values) if value]
    array = np.array(pairs, np.int64).reshape(-1, 2)
    return array[:, 0], array[:, 1]


def _link_near(
    label: NDArray[np.int64], index: NDArray[np.int64], codes: NDArray[np.uint8], *, bits: int
) -> NDArray[np.int64]:
    """Join the clusters of near hashes: of bits + 1 bands one must agree exactly (multi-index hashing).

    Norouzi, Punjani and Fleet 2012 (doi:10.1109/CVPR.2012.6248043). Bands take every (bits + 1)-th bit, so that each mixes low and high frequencies. In a bucket,
    rows are compared at growing offsets of the sorted order, which needs memory for n rows only.
    """
    unpacked = np.unpackbits(codes, axis=1)
    words = np.ascontiguousarray(codes).view(np.uint64)
    edges: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    waiting = 0
    for band in range(bits + 1):
        key = np.packbits(unpacked[:, 1 + band :: bits + 1], axis=1)
        key = np.ascontiguousarray(key).view(f"V{key.shape[1]}").ravel()
        order = np.argsort(key, kind="stable")
        bucket = np.cumsum(np.r_[0, key[order][1:] != key[order][:-1]])
        ends = np.searchsorted(bucket, bucket, side="right")
        start, offset = np.arange(len(order)), 1
        while len(start := start[start + offset < ends[start]]):
            a, b = order[start], order[start + offset]
            near = np.bitwise_count(words[a] ^ words[b]).sum(axis=1, dtype=np.int64) <= bits
            near &= label[index[a]] != label[index[b]]
            edges.append((index[a[near]], index[b[near]]))
            offset, waiting = offset + 1, waiting + len(edges[-1][0])
            if waiting > _FLUSH:
                label, edges, waiting = _merge_all(label, edges), [], 0
        label, edges, waiting = _merge_all(label, edges), [], 0
    return label


def _merge_all(
    label: NDArray[np.int64], edges: list[tuple[NDArray[np.int64], NDArray[np.int64]]]
) -> NDArray[np.int64]:
    a = np.concatenate([pair[0] for pair in edges]) if edges else np.empty(0, np.int64)
    b = np.concatenate([pair[1] for pair in edges]) if edges else np.empty(0, np.int64)
    return _merge(label, a, b)


def _merge(label: NDArray[np.int64], a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
    """Labels after joining the clusters of a[i] and b[i]."""
    if len(a) == 0:
        return label
    size = int(label.max()) + 1
    graph = coo_matrix((np.ones(len(a)), (label[a], label[b])), shape=(size, size))
    joined = connected_components(graph, directed=False)[1].astype(np.int64)
    return joined[label]


def join(*labellings: Sequence[object]) -> NDArray[np.int64]:
    """Join rows that agree in any of several labellings.

    Parameters
    ----------
    *labellings : sequences of one length n
        Labels of the rows; a label of "" ties nothing.

    Returns
    -------
    int64 array, shape (n,)
        Coarsest common cluster of each row, numbered by first appearance.
    """
    label = np.arange(len(labellings[0]))
    for values in labellings:
        first: dict[object, int] = {}
        pairs = [(first.setdefault(v, i), i) for i, v in enumerate(values) if v != ""]
        array = np.array(pairs, np.int64).reshape(-1, 2)
        label = _merge(label, array[:, 0], array[:, 1])
    return _by_appearance(label)


def _by_appearance(label: NDArray[np.int64]) -> NDArray[np.int64]:
    _, first, inverse = np.unique(label, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    return rank[inverse]
