"""The forgeries: each turns a portrait into a fake by changing pixels near its face only.

``OPERATIONS`` names them; ``forge`` runs one. All use the portrait's own landmarks and hull.
"""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.demo.portrait import Portrait

OPERATIONS = ("face_swap", "self_blend", "resynthesis", "low_rank")
VARIANTS = ("zero_insertion", "nearest", "bilinear")


def forge(
    operation: str, portrait: Portrait, *, rng: np.random.Generator, donor: Portrait | None = None
) -> np.ndarray:
    """The picture of ``portrait`` forged by ``operation``: uint8 (H, W, 3), RGB.

    donor : the other face, needed by "face_swap" and by no other operation.
    ValueError for an unknown operation or a swap without donor.
    """
    if operation == "face_swap":
        if donor is None:
            raise ValueError("forgery 'face_swap': donor is missing, pass another Portrait")
        return face_swap(portrait, donor, rng)
    if operation == "self_blend":
        return self_blend(portrait, rng)
    if operation == "resynthesis":
        return resynthesis(portrait, rng)
    if operation == "low_rank":
        return low_rank(portrait, rng)
    raise ValueError(f"forgery: operation is {operation!r}, allowed are {', '.join(OPERATIONS)}")


def face_mask(portrait: Portrait, *, grow: float = 1.0) -> np.ndarray:
    """The face hull, scaled about its centre by ``grow``: uint8 (H, W), 255 inside."""
    centre = portrait.hull.mean(0)
    polygon = centre + grow * (portrait.hull - centre)
    mask = np.zeros(portrait.image.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, np.round(polygon).astype(np.int32), 255)
    return mask


def _soft(mask: np.ndarray, sigma: float) -> np.ndarray:
    """Mask feathered inwards: float32 (H, W, 1) in 0 … 1, and 0 wherever the mask is 0."""
    reach = max(1, round(sigma))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    core = cv2.erode(mask, kernel, borderValue=0)
    soft = cv2.GaussianBlur(core, (0, 0), max(0.5, sigma / 2)).astype(np.float32) / 255
    return np.where(mask > 0, soft, np.float32(0))[..., None]


def _mix(below: np.ndarray, above: np.ndarray, weight: np.ndarray) -> np.ndarray:
    mixed = below + weight * (above.astype(np.float32) - below)
    return np.round(np.clip(mixed, 0, 255)).astype(np.uint8)


def _eye_distance(portrait: Portrait) -> float:
    return float(np.linalg.norm(portrait.landmarks[1] - portrait.landmarks[0]))


def transfer_colour(source: np.ndarray, like: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Give ``source`` the mean and deviation that ``like`` has inside the mask, in CIE Lab [1]_.

    Parameters
    ----------
    source, like : uint8 array, shape (H, W, 3), RGB
    mask : uint8 array, shape (H, W), not 0 inside

    Returns
    -------
    uint8 array, shape (H, W, 3), RGB

    References
    ----------
    .. [1] Reinhard et al. 2001, "Color transfer between images", doi:10.1109/38.946629
    """
    first = cv2.cvtColor(source, cv2.COLOR_RGB2LAB).astype(np.float32)
    second = cv2.cvtColor(like, cv2.COLOR_RGB2LAB)
    mean_a, deviation_a = (m.ravel() for m in cv2.meanStdDev(first, mask=mask))
    mean_b, deviation_b = (m.ravel() for m in cv2.meanStdDev(second, mask=mask))
    ratio = np.clip(deviation_b / np.maximum(deviation_a, 1e-3), 0.5, 2.0)
    moved = (first - mean_a) * ratio + mean_b
    lab = np.round(np.clip(moved, 0, 255)).astype(np.uint8)
    return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)


def poisson_blend(source: np.ndarray, target: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Seamless cloning [1]_ of an aligned source.

    OpenCV places the source by the mask's bounding box; pixels outside the mask are put back as they were.

    Parameters
    ----------
    source, target : uint8 array, shape (H, W, 3), RGB
    mask : uint8 array, shape (H, W), not 0 inside; not empty

    Returns
    -------
    uint8 array, shape (H, W, 3), RGB

    References
    ----------
    .. [1] Pérez et al. 2003, "Poisson image editing", doi:10.1145/882262.882269
    """
    x, y, width, height = cv2.boundingRect(mask)
    centre = (x + width // 2, y + height // 2)
    # seamlessClone writes into the mask it is given.
    blended = cv2.seamlessClone(source, target, mask.copy(), centre, cv2.NORMAL_CLONE)
    return np.where(mask[..., None] > 0, blended, target)


def face_swap(portrait: Portrait, donor: Portrait, rng: np.random.Generator) -> np.ndarray:
    """Put the donor's face on the portrait: landmark warp, colour transfer, Poisson blending."""
    height, width = portrait.image.shape[:2]
    matrix, _ = cv2.estimateAffinePartial2D(donor.landmarks, portrait.landmarks, method=cv2.LMEDS)
    warped = cv2.warpAffine(
        donor.image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    moved_hull = donor.hull @ matrix[:, :2].T + matrix[:, 2]
    moved = Portrait(image=warped, landmarks=portrait.landmarks, hull=moved_hull)
    # Only skin that both faces have: no hair or backdrop of the donor comes along.
    mask = cv2.bitwise_and(face_mask(portrait), face_mask(moved, grow=rng.uniform(0.92, 1.0)))
    mask[[0, 1, -2, -1]] = 0
    mask[:, [0, 1, -2, -1]] = 0
    if cv2.countNonZero(mask) < 16:
        raise ValueError("forgery 'face_swap': the two faces do not overlap after alignment")
    matched = transfer_colour(warped, portrait.image, mask)
    return poisson_blend(matched, portrait.image, mask)


def _jitter_colour(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    gain = rng.uniform(0.88, 1.12) * rng.uniform(0.95, 1.05, 3)
    offset = rng.uniform(-10, 10)
    return np.clip(image * gain + offset, 0, 255).astype(np.float32)


def self_blend(portrait: Portrait, rng: np.random.Generator) -> np.ndarray:
    """Blend a transformed copy of the face into itself (Shiohara and Yamasaki, 2022, SBI).

    The copy is moved by a few per cent, recoloured, and made softer or sharper.
    """
    image, reach = portrait.image, _eye_distance(portrait)
    height, width = image.shape[:2]
    centre = tuple(float(v) for v in portrait.hull.mean(0))
    matrix = cv2.getRotationMatrix2D(centre, rng.uniform(-3, 3), rng.uniform(0.95, 1.05))
    matrix[:, 2] = matrix[:, 2] + rng.uniform(-0.05, 0.05, 2) * reach
    copy = cv2.warpAffine(
        image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    soft = cv2.GaussianBlur(copy, (0, 0), rng.uniform(0.8, 1.6))
    amount = -1.0 if rng.random() < 0.6 else rng.uniform(0.5, 1.0)
    copy = _jitter_colour(cv2.addWeighted(copy, 1 + amount, soft, -amount, 0), rng)
    mask = face_mask(portrait, grow=rng.uniform(0.85, 1.05))
    weight = _soft(mask, rng.uniform(0.04, 0.12) * reach) * np.float32(rng.uniform(0.75, 1.0))
    return _mix(image, copy, weight)


def upsample(image: np.ndarray, *, factor: int, variant: str, rng: np.random.Generator) -> np.ndarray:
    """Enlarge by an integer factor as the last layers of a generator do.

    image : float32 (H, W, 3). "zero_insertion" spreads the pixels and filters them with a tent
    kernel whose weights are off by some per cent, as learned ones are: the gain then depends on
    the position in the cell, which leaves spectral peaks at 1 / factor (Odena et al., 2016,
    "Deconvolution and checkerboard artifacts"). Returns float32 (factor H, factor W, 3).
    """
    height, width = image.shape[:2]
    size = (width * factor, height * factor)
    if variant == "nearest":
        return cv2.resize(image, size, interpolation=cv2.INTER_NEAREST)
    if variant == "bilinear":
        return cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    if variant != "zero_insertion":
        raise ValueError(f"upsample: variant is {variant!r}, allowed are {', '.join(VARIANTS)}")
    # One repeated pixel around, cut off again, keeps the grid's phase right at the borders.
    framed = cv2.copyMakeBorder(image, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    spread = np.zeros((factor * (height + 2), factor * (width + 2), image.shape[2]), np.float32)
    spread[::factor, ::factor] = framed
    tent = 1 - np.abs(np.arange(1 - factor, factor)) / factor
    kernel = np.outer(tent, tent) * rng.uniform(0.94, 1.06, (tent.size, tent.size))
    kernel *= factor**2 / kernel.sum()
    filtered = cv2.filter2D(spread, -1, kernel.astype(np.float32))
    return filtered[factor:-factor, factor:-factor]


def _face_box(portrait: Portrait, *, multiple: int) -> tuple[slice, slice]:
    """Rows and columns of the hull's bounding box, enlarged to a multiple within the picture."""
    box = []
    for axis, limit in ((1, portrait.image.shape[0]), (0, portrait.image.shape[1])):
        low = max(0, int(portrait.hull[:, axis].min()) - multiple)
        high = min(limit, int(np.ceil(portrait.hull[:, axis].max())) + multiple)
        box.append(slice(low, low + (high - low) // multiple * multiple))
    return box[0], box[1]


def _replace_face(
    portrait: Portrait, box: tuple[slice, slice], crop: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Lay a remade crop into the picture through a feathered face mask."""
    mask = face_mask(portrait, grow=rng.uniform(0.95, 1.1))
    weight = _soft(mask, rng.uniform(0.03, 0.08) * _eye_distance(portrait))
    forged = portrait.image.copy()
    forged[box] = _mix(portrait.image[box], crop, weight[box])
    return forged


def resynthesis(portrait: Portrait, rng: np.random.Generator, *, variant: str | None = None) -> np.ndarray:
    """Reduce the face by 2 and let an up-sampling layer make it anew; variant random if None."""
    variant = str(rng.choice(VARIANTS)) if variant is None else variant
    factor = 2
    box = _face_box(portrait, multiple=factor)
    crop = portrait.image[box].astype(np.float32)
    size = (crop.shape[1] // factor, crop.shape[0] // factor)
    small = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
    large = upsample(small, factor=factor, variant=variant, rng=rng)
    return _replace_face(portrait, box, large, rng)


def reduce_rank(image: np.ndarray, *, block: int, rank: int) -> np.ndarray:
    """Project every block onto the picture's own leading principal components.

    image : float32 (H, W, C), H and W multiples of ``block``. Per channel, the blocks are the
    rows of a matrix that keeps its mean and ``rank`` singular vectors: the best linear
    auto-encoder with that bottleneck (Eckart and Young, 1936). Returns the same shape.
    """
    height, width, channels = image.shape
    rows, columns = height // block, width // block
    grid = image.reshape(rows, block, columns, block, channels).transpose(4, 0, 2, 1, 3)
    matrix = grid.reshape(channels, rows * columns, block * block).astype(np.float64)
    mean = matrix.mean(1, keepdims=True)
    centred = matrix - mean
    _, vectors = np.linalg.eigh(centred.transpose(0, 2, 1) @ centred)
    basis = vectors[:, :, block * block - rank :]
    coded = centred @ basis @ basis.transpose(0, 2, 1) + mean
    grid = coded.reshape(channels, rows, columns, block, block).transpose(1, 3, 2, 4, 0)
    return grid.reshape(image.shape).astype(np.float32)


def low_rank(portrait: Portrait, rng: np.random.Generator) -> np.ndarray:
    """Rebuild the face from a low-rank code of its blocks."""
    block = int(rng.choice((8, 16)))
    rank = int(rng.integers(3, 8) if block == 8 else rng.integers(10, 25))
    box = _face_box(portrait, multiple=block)
    crop = cv2.cvtColor(portrait.image[box], cv2.COLOR_RGB2YCrCb).astype(np.float32)
    coded = np.clip(reduce_rank(crop, block=block, rank=rank), 0, 255)
    crop = cv2.cvtColor(np.round(coded).astype(np.uint8), cv2.COLOR_YCrCb2RGB)
    return _replace_face(portrait, box, crop, rng)
