"""Draws a face: an ellipsoid with bumps, lit in linear light and painted in its own coordinates.

A ray per pixel meets the head by Newton's method, the normal comes from the analytic gradient,
and eyes, brows, lips, hair and beard are painted where the ray landed, so they turn with the
head. The generator knows where it put the landmarks; no detector is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.demo.paint import Paint, mouth_line, paint_behind, paint_head
from pipeline.demo.person import Person, Shot
from pipeline.demo.texture import backdrop, pink_noise, smoothstep, strands

_GAMMA = 2.2
Vector = Sequence[np.ndarray]  # x, y and z of many points


@dataclass(frozen=True)
class Portrait:
    """A drawn picture and what is known about it.

    image : uint8, shape (H, W, 3), RGB. landmarks : float32, shape (5, 2), x and y in px of the
    eye on the picture's left, the other eye, nose tip, mouth corner left and right (MTCNN's
    order). hull : float32, shape (N, 2), convex outline of the face from brows to chin.
    """

    image: np.ndarray
    landmarks: np.ndarray
    hull: np.ndarray


class Head:
    """The surface of one person's head in one pose."""

    def __init__(self, person: Person, shot: Shot):
        self.person, self.shot = person, shot
        self.bumps = _bumps(person, shot)
        cy, sy = np.cos(shot.yaw), np.sin(shot.yaw)
        cp, sp = np.cos(shot.pitch), np.sin(shot.pitch)
        turn = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
        nod = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
        self.pose = (turn @ nod).astype(np.float32)  # head to view

    def relief(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Height of the bumps over the ellipsoid and its derivatives along x and y."""
        height, dx, dy = np.zeros_like(x), np.zeros_like(x), np.zeros_like(x)
        for cx, cy, sx, sy, amount in self.bumps:
            u, v = (x - cx) / sx, (y - cy) / sy
            bump = amount * np.exp(-(u * u + v * v))
            height += bump
            dx -= 2 * u / sx * bump
            dy -= 2 * v / sy * bump
        return height, dx, dy

    def taper(self, y: np.ndarray) -> np.ndarray:
        """Factor that narrows the picture of the head towards the chin."""
        return 1 - np.float32(self.person.jaw) * smoothstep(0.0, 1.1, y)

    def frame(self, px: np.ndarray, py: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixel to head-frame coordinates: centred, scaled, roll undone (not yaw and pitch)."""
        shot = self.shot
        c, s = np.float32(np.cos(shot.roll)), np.float32(np.sin(shot.roll))
        x = (px - np.float32(shot.centre[0])) / np.float32(shot.scale)
        y = (py - np.float32(shot.centre[1])) / np.float32(shot.scale)
        return c * x + s * y, c * y - s * x

    def trace(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where the rays through frame coordinates (x, y) meet the head.

        Returns points (3, H, W) in head coordinates, unit normals (3, H, W) in view
        coordinates, and coverage (H, W), 1 inside the outline with a soft edge of 1 px.
        """
        axes = np.array(self.person.head, np.float32)
        back, ray = self.pose.T[:, :2], self.pose.T[:, 2]
        x = x / self.taper(y)
        start = [row[0] * x + row[1] * y for row in back]
        a = float(np.sum((ray / axes) ** 2))
        b = sum(o * (d / s**2) for o, d, s in zip(start, ray, axes))
        disc = b * b - a * (sum((o / s) ** 2 for o, s in zip(start, axes)) - 1)
        coverage = np.clip(disc * np.float32(self.shot.scale / 2.5) + 0.5, 0, 1)
        depth = (np.sqrt(np.maximum(disc, 0)) - b) / a
        for _ in range(3):
            depth -= self._newton_step(start, ray, depth, axes)
        points = [o + d * depth for o, d in zip(start, ray)]
        _, gradient = self._level(points, axes)
        normals = np.stack([sum(m * g for m, g in zip(row, gradient)) for row in self.pose])
        normals /= np.maximum(np.sqrt((normals**2).sum(0)), 1e-6)
        return np.stack(points), normals, coverage

    def _level(self, points: Vector, axes: np.ndarray) -> tuple[np.ndarray, Vector]:
        """Implicit function of the surface (0 on it) and its gradient, both in head coordinates."""
        px, py, pz = points
        height, dx, dy = self.relief(px, py)
        front = smoothstep(-0.1, 0.25, pz)  # no second face on the back of the head
        z = pz - height * front
        level = (px / axes[0]) ** 2 + (py / axes[1]) ** 2 + (z / axes[2]) ** 2 - 1
        slope = 2 * z / axes[2] ** 2
        gradient = (
            2 * px / axes[0] ** 2 - slope * dx * front,
            2 * py / axes[1] ** 2 - slope * dy * front,
            slope,
        )
        return level, gradient

    def _newton_step(self, start: Vector, ray: np.ndarray, depth: np.ndarray, axes: np.ndarray) -> np.ndarray:
        points = [o + d * depth for o, d in zip(start, ray)]
        level, gradient = self._level(points, axes)
        steepness = sum(g * d for g, d in zip(gradient, ray))
        return np.clip(level / np.maximum(steepness, 0.4), -0.15, 0.15)

    def project(self, xy: npt.ArrayLike) -> np.ndarray:
        """Pixel positions, float32 (N, 2), of surface points given by head x and y, (N, 2)."""
        x, y = np.asarray(xy, np.float32).T
        axes = self.person.head
        inside = np.maximum(1 - (x / axes[0]) ** 2 - (y / axes[1]) ** 2, 0)
        z = axes[2] * np.sqrt(inside) + self.relief(x, y)[0]
        fx, fy, _ = self.pose @ np.stack([x, y, z])
        fx = fx * self.taper(fy)
        shot = self.shot
        c, s = np.cos(shot.roll), np.sin(shot.roll)
        px = shot.centre[0] + shot.scale * (c * fx - s * fy)
        py = shot.centre[1] + shot.scale * (s * fx + c * fy)
        return np.stack([px, py], 1).astype(np.float32)


def _bumps(person: Person, shot: Shot) -> np.ndarray:
    """Gaussian bumps of the face, a row each: centre x, y, widths x, y, height. float32 (N, 5)."""
    eye_x, eye_y = person.eye
    tip_y, wing, bridge = person.nose
    mouth_w, mouth_y = person.mouth
    bumps = [
        (0.0, tip_y - 0.22, 0.075, 0.2, bridge * 0.55),
        (0.0, tip_y - 0.02, wing * 0.95, 0.1, bridge),
        (0.0, mouth_y, mouth_w, 0.11, 0.05),
        (0.0, mouth_y - 0.035, 0.13, 0.03, 0.018),
        (0.0, mouth_y + 0.045, 0.13, 0.032, 0.022),
        (0.0, mouth_y + 0.14, 0.16, 0.05, -0.03),
        (0.0, 0.84, 0.18, 0.12, person.chin),
    ]
    for side in (-1, 1):
        bumps += [
            (side * wing, tip_y + 0.015, 0.05, 0.05, 0.045),
            (side * eye_x, eye_y, 0.17, 0.11, -0.07),
            (side * eye_x, eye_y, 0.1, 0.06, 0.03),
            (side * 0.27, eye_y - 0.19, 0.2, 0.06, 0.03),
            (side * 0.4, 0.2, 0.18, 0.16, person.cheek),
            (side * (mouth_w + 0.06), mouth_y - 0.03, 0.05, 0.09, -0.02 * max(shot.smile, 0)),
        ]
    return np.array(bumps, np.float32)


def _light(normals: np.ndarray, shot: Shot, *, shine: float) -> tuple[np.ndarray, np.ndarray]:
    """Colour of the light that a surface sends to the viewer: (H, W, 3) diffuse, (H, W) gloss."""
    light = shot.light.astype(np.float32)
    cosine = np.tensordot(light, normals, 1)
    diffuse = np.clip((cosine + 0.2) / 1.2, 0, 1)  # wrapped: skin scatters past the terminator
    half = light + np.array([0, 0, 1], np.float32)
    half /= np.linalg.norm(half)
    gloss = shine * np.clip(np.tensordot(half, normals, 1), 0, 1) ** 24
    sky = np.float32(shot.ambient) * (0.75 - 0.25 * normals[1])
    colour = shot.light_colour.astype(np.float32)
    return sky[..., None] + diffuse[..., None] * colour, gloss


def draw_portrait(person: Person, shot: Shot, rng: np.random.Generator) -> Portrait:
    """Draw one picture.

    Parameters
    ----------
    person : Person
    shot : Shot
    rng : numpy.random.Generator
        Supplies the background, strands and grain.

    Returns
    -------
    Portrait
        ``shot.height`` x ``shot.width`` px.
    """
    shape = (shot.height, shot.width)
    head = Head(person, shot)
    py, px = np.mgrid[: shot.height, : shot.width].astype(np.float32)
    x, y = head.frame(px, py)
    grain = pink_noise(rng, shape, slope=0.9)
    paint = Paint(person, shot, grain=grain, strands=strands(rng, shape))

    canvas = paint_behind(backdrop(rng, shape), x, y, paint)
    rows = np.flatnonzero((np.hypot(x, y) < 1.12).any(1))
    columns = np.flatnonzero((np.hypot(x, y) < 1.12).any(0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    points, normals, coverage = head.trace(x[box], y[box])
    diffuse, gloss = _light(normals, shot, shine=0.12)
    albedo, matt = paint_head(points, paint.cut(box))
    lit = albedo * diffuse + (gloss * matt)[..., None]
    canvas[box] += coverage[..., None] * (lit - canvas[box])

    display = np.clip(canvas, 0, 1) ** np.float32(1 / _GAMMA)
    image = np.round(display * 255).astype(np.uint8)
    return Portrait(image=image, landmarks=head.project(_landmarks(person, shot)), hull=_hull(head))


def _landmarks(person: Person, shot: Shot) -> list[tuple[float, float]]:
    eye_x, eye_y = person.eye
    mouth_w = person.mouth[0]
    corner_y = float(mouth_line(1.0, person, shot))
    tip_y = person.nose[0]
    return [
        (-eye_x, eye_y),
        (eye_x, eye_y),
        (0.0, tip_y),
        (-mouth_w, corner_y),
        (mouth_w, corner_y),
    ]


def _hull(head: Head) -> np.ndarray:
    angles = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    outline = np.stack([0.8 * head.person.head[0] * np.cos(angles), 0.24 + 0.64 * np.sin(angles)], 1)
    # Turned away, the far cheek's outline folds over itself; its convex hull is what is seen.
    return cv2.convexHull(head.project(outline)).reshape(-1, 2)
