"""Colours of a head: skin, eyes, brows, lips, hair and beard, painted in head coordinates."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pipeline.demo.person import Person, Shot
from pipeline.demo.texture import smoothstep


@dataclass(frozen=True)
class Paint:
    """What the painters need: the person, the shot, and two random fields of the picture's size.

    grain : float32 (H, W), fine skin and cloth texture; strands : float32 (H, W), hair.
    """

    person: Person
    shot: Shot
    grain: np.ndarray
    strands: np.ndarray

    def cut(self, box: tuple[slice, slice]) -> Paint:
        """The same paint on a part of the picture."""
        return replace(self, grain=self.grain[box], strands=self.strands[box])

    def hair(self) -> np.ndarray:
        """Colour of hair at every pixel, (H, W, 3)."""
        shade = np.clip(1 + 0.45 * self.strands, 0.25, 2.2)
        return shade[..., None] * self.person.hair.astype(np.float32)


def _over(base: np.ndarray, colour: npt.ArrayLike, weight: np.ndarray) -> None:
    """Lay ``colour`` over ``base`` in place, with ``weight`` in 0 … 1 per pixel."""
    box = _extent(weight > 1e-4)
    whole = np.asarray(colour, np.float32)
    laid = whole[box] if whole.ndim == 3 else whole
    base[box] += weight[box][..., None] * (laid - base[box])


def _extent(mask: np.ndarray) -> tuple[slice, slice]:
    """Bounding rows and columns of a mask, empty slices where it is empty."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not rows.size:
        return slice(0), slice(0)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def paint_behind(canvas: np.ndarray, x: np.ndarray, y: np.ndarray, paint: Paint) -> np.ndarray:
    """Draw shoulders, neck, ears and the hair behind the head over the background, in place.

    Parameters
    ----------
    canvas : float32 array, shape (H, W, 3), RGB, linear light
        The background; it is changed.
    x, y : float32 array, shape (H, W), half head heights
        Head-frame coordinates of each pixel.
    paint : Paint

    Returns
    -------
    float32 array, shape (H, W, 3), RGB
        ``canvas`` itself.
    """
    person, shot = paint.person, paint.shot
    side = np.float32(shot.light[0])
    edge = 2.0 / shot.scale
    _, _, length = person.head
    half = person.head[0]
    glow = (np.float32(shot.ambient) + 0.45) * (1 + 0.35 * side * np.clip(x, -1, 1))
    if person.hair_style == "long":
        fall = np.abs(x) - (half * 1.16 + 0.03 * np.sin(5 * y)) * smoothstep(-1.3, -0.3, y)
        weight = smoothstep(edge, -edge, fall) * smoothstep(-0.9, -0.8, y) * smoothstep(1.25, 1.1, y)
        _over(canvas, paint.hair() * glow[..., None] * 0.7, weight)
    shoulders = (x / 1.5) ** 2 + ((y - 2.15) / 0.95) ** 2 - 1
    cloth = person.clothes.astype(np.float32) * (glow * (1 + 0.12 * paint.grain))[..., None]
    _over(canvas, cloth * 0.8, smoothstep(edge, -edge, shoulders))
    neck = np.abs(x) - 0.43 * half / 0.77 - 0.25 * smoothstep(1.0, 1.6, y) * length
    shadow = 0.45 + 0.4 * smoothstep(0.9, 1.5, y)
    round_off = np.sqrt(np.clip(1 - (x / 0.62) ** 2, 0.15, 1))
    skin = person.skin.astype(np.float32) * (glow * shadow * round_off)[..., None]
    _over(canvas, skin, smoothstep(edge, -edge, neck) * smoothstep(0.4, 0.5, y) * (y < 1.45))
    for lobe in (-1, 1):
        ear = ((x - lobe * half * 0.98) / 0.1) ** 2 + ((y - 0.05) / 0.2) ** 2 - 1
        tone = glow * (0.6 + 0.3 * np.clip(-ear, 0, 1))
        _over(canvas, person.skin.astype(np.float32) * tone[..., None], smoothstep(edge, -edge, ear))
    if person.hair_style != "bald":
        crown = (x / (half * 1.1)) ** 2 + ((y + 0.14) / 1.02) ** 2 - 1
        ragged = crown + 0.03 * paint.strands
        weight = smoothstep(0.08, -0.04, ragged) * smoothstep(0.15, -0.15, y)
        _over(canvas, paint.hair() * glow[..., None], weight)
    return canvas


def paint_head(points: np.ndarray, paint: Paint) -> tuple[np.ndarray, np.ndarray]:
    """Albedo (H, W, 3) and gloss factor (H, W) of the head where the rays landed.

    points : head coordinates (3, H, W).
    """
    x, y, z = points
    albedo = _skin(x, y, paint)
    gloss = np.clip(1 + 0.3 * paint.grain, 0, 2)
    _paint_beard(albedo, x, y, paint)
    _paint_lips(albedo, x, y, paint)
    _paint_nostrils(albedo, x, y, paint)
    eye_x, eye_y = paint.person.eye
    for side in (-1, 1):
        box = _extent(np.hypot(side * x - eye_x, y - eye_y) < 0.34)
        _paint_eye(albedo[box], side * x[box], y[box], side, paint)
        _paint_brow(albedo[box], side * x[box], y[box], paint.cut(box))
    covered = _hair_cover(x, y, z, paint)
    _over(albedo, paint.hair(), covered)
    return albedo, gloss * (1 - 0.7 * covered)


def _skin(x: np.ndarray, y: np.ndarray, paint: Paint) -> np.ndarray:
    person = paint.person
    albedo = np.empty((*x.shape, 3), np.float32)
    texture = 1 + 0.055 * paint.grain + 0.02 * paint.strands
    albedo[:] = person.skin.astype(np.float32) * texture[..., None]
    cheeks = sum(np.exp(-(((x - s * 0.4) / 0.2) ** 2) - ((y - 0.22) / 0.18) ** 2) for s in (-1, 1))
    blush = np.array([0.02, -0.14, -0.12], np.float32)
    albedo *= 1 + (cheeks + np.exp(-((x / 0.12) ** 2) - ((y - 0.22) / 0.1) ** 2))[..., None] * blush
    eye_x, eye_y = person.eye
    for side in (-1, 1):  # the socket sees less of the sky
        socket = np.exp(-(((x - side * eye_x) / 0.2) ** 2) - ((y - eye_y + 0.02) / 0.11) ** 2)
        albedo *= 1 - 0.28 * socket[..., None]
    fold_y = person.mouth[1] - 0.12
    for side in (-1, 1):
        line = x * side - (0.2 + 0.32 * (y - fold_y + 0.1))
        fold = np.exp(-((line / 0.025) ** 2) - ((y - fold_y) / 0.11) ** 2)
        albedo *= 1 - (0.08 + 0.12 * max(paint.shot.smile, 0)) * fold[..., None]
    return albedo


def _paint_eye(albedo: np.ndarray, x: np.ndarray, y: np.ndarray, side: int, paint: Paint) -> None:
    """One eye; ``x`` is mirrored so that the eye lies at positive x and the temple beyond it."""
    person, shot = paint.person, paint.shot
    (cx, cy), (width, tall) = person.eye, person.eye_size
    edge = 1.2 / shot.scale
    u, v = (x - cx) / width, y - cy + 0.12 * (x - cx)
    arch = np.clip(1 - u * u, 0, 1)
    top, bottom = -tall * arch**0.7, 0.7 * tall * arch
    inside = smoothstep(-edge, edge, v - top) * smoothstep(edge, -edge, v - bottom) * (np.abs(u) < 1)
    lid = np.exp(-(((v - top + 0.012) / 0.018) ** 2)) * smoothstep(1.25, 0.9, np.abs(u))
    crease = np.exp(-(((v - 1.25 * top + 0.045) / 0.012) ** 2)) * smoothstep(1.1, 0.6, np.abs(u))
    _over(albedo, person.skin * 0.35, 0.45 * crease)
    white = np.float32(0.62) * (0.55 + 0.45 * smoothstep(-tall, tall * 0.2, v))
    ball = white[..., None] * np.array([1.0, 0.96, 0.93], np.float32)
    iris_x = u * width - side * shot.gaze[0] * width * 0.6
    radius = np.hypot(iris_x, v - shot.gaze[1] * tall * 0.5)
    size = 0.72 * tall + 0.012
    _over(ball, person.iris, smoothstep(size + edge, size - edge, radius))
    _over(ball, person.iris * 0.3, np.exp(-(((radius - size) / 0.01) ** 2)))
    _over(ball, (0.004, 0.004, 0.004), smoothstep(0.45 * size + edge, 0.45 * size - edge, radius))
    glint = np.hypot(iris_x - side * 0.35 * size * np.sign(shot.light[0]), v + 0.4 * size)
    _over(ball, (1.6, 1.6, 1.6), smoothstep(0.2 * size + edge, 0.2 * size - edge, glint))
    albedo += inside[..., None] * (ball - albedo)
    _over(albedo, (0.012, 0.008, 0.006), np.clip(0.95 * lid, 0, 1))


def _paint_brow(albedo: np.ndarray, x: np.ndarray, y: np.ndarray, paint: Paint) -> None:
    person = paint.person
    cx, cy = person.eye
    half, thick, arch = person.brow
    u = (x - cx - 0.01) / half
    line = cy - 0.185 - 0.05 * paint.shot.smile * 0.3 + arch * 0.12 * u * u - 0.02 * u
    body = np.clip(1 - 0.55 * u, 0.3, 1.3) * thick
    weight = np.exp(-(((y - line) / body) ** 2)) * smoothstep(1.1, 0.8, np.abs(u))
    hairs = np.clip(1 + 0.35 * paint.strands, 0, 1.3)
    _over(albedo, person.hair * 0.55, np.clip(0.9 * weight * hairs, 0, 1))


def mouth_line(u: npt.ArrayLike, person: Person, shot: Shot) -> np.ndarray:
    """Head y of the line between the lips.

    Parameters
    ----------
    u : array_like of float
        Runs from -1 to 1 between the corners.
    person : Person
    shot : Shot

    Returns
    -------
    float array, shape of ``u``, half head heights
    """
    return person.mouth[1] - 0.05 * shot.smile * (np.square(u) - 0.35)


def _paint_lips(albedo: np.ndarray, x: np.ndarray, y: np.ndarray, paint: Paint) -> None:
    person, shot = paint.person, paint.shot
    half = person.mouth[0]
    edge = 1.2 / shot.scale
    u = x / half
    arch = np.clip(1 - u * u, 0, 1)
    middle = mouth_line(u, person, shot)
    bow = 1 - 0.28 * np.exp(-((u / 0.16) ** 2))
    gap = max(shot.opened, 0.0) * arch
    top = middle - gap - person.lips * arch**0.8 * bow
    bottom = middle + gap + 1.25 * person.lips * arch**0.75
    lips = smoothstep(-edge, edge, y - top) * smoothstep(edge, -edge, y - bottom) * (np.abs(u) < 1)
    shade = np.where(y < middle, np.float32(0.72), np.float32(1.0)) * (1 + 0.08 * paint.strands)
    _over(albedo, person.lip_colour.astype(np.float32) * shade[..., None], 0.9 * lips)
    seam = np.exp(-(((y - middle) / (0.011 + 0.4 * gap)) ** 2)) * smoothstep(1.06, 0.9, np.abs(u))
    _over(albedo, person.lip_colour * 0.12, 0.9 * seam)
    if shot.opened > 0.015:
        teeth = smoothstep(edge, -edge, np.abs(y - middle + 0.2 * gap) - 0.62 * gap)
        _over(albedo, (0.6, 0.57, 0.5), teeth * smoothstep(0.85, 0.6, np.abs(u)))


def _paint_nostrils(albedo: np.ndarray, x: np.ndarray, y: np.ndarray, paint: Paint) -> None:
    tip_y, wing, _ = paint.person.nose
    under = np.exp(-((x / (1.4 * wing)) ** 2) - ((y - tip_y - 0.085) / 0.035) ** 2)
    albedo *= 1 - 0.3 * under[..., None]
    for side in (-1, 1):
        hole = ((x - side * wing * 0.55) / 0.042) ** 2 + ((y - tip_y - 0.055) / 0.02) ** 2
        _over(albedo, paint.person.skin * 0.08, np.exp(-(hole**1.5)))


def _paint_beard(albedo: np.ndarray, x: np.ndarray, y: np.ndarray, paint: Paint) -> None:
    person = paint.person
    if not person.beard:
        return
    half, cy = person.mouth
    jaw = smoothstep(0.3, 0.5, y + 0.5 * (np.abs(x) - 0.35))
    lip = np.exp(-((x / (1.1 * half)) ** 4) - ((y - cy) / 0.075) ** 4)
    stubble = np.clip(0.85 + 0.3 * paint.strands, 0, 1)
    _over(albedo, person.hair, person.beard * jaw * (1 - 0.7 * lip) * stubble)


def _hair_cover(x: np.ndarray, y: np.ndarray, z: np.ndarray, paint: Paint) -> np.ndarray:
    """Where hair covers the head, 0 … 1."""
    person = paint.person
    if person.hair_style == "bald":
        return np.zeros_like(x)
    line = person.hairline + 0.25 * x * x
    if person.hair_style == "fringe":
        line = line + 0.16 + 0.03 * np.sin(9 * x)
    top = smoothstep(0.04, -0.04, y - line + 0.025 * paint.strands)
    low = 1.3 if person.hair_style == "long" else 0.05
    sides = smoothstep(0.24, 0.12, z + 0.02 * paint.strands) * smoothstep(low + 0.1, low - 0.1, y)
    return np.maximum(top, sides)
