"""Who is drawn and how the picture is taken: the random choices, none of the pixels.

Lengths are in half head heights; x to the right of the picture, y down, z to the viewer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

# Linear-light skin reflectances from light to dark (approximate, from Fitzpatrick charts).
_SKINS = np.array(
    [
        [0.78, 0.53, 0.42],
        [0.68, 0.43, 0.32],
        [0.55, 0.33, 0.22],
        [0.38, 0.21, 0.13],
        [0.2, 0.1, 0.06],
    ]
)
_HAIRS = np.array(
    [
        [0.015, 0.012, 0.01],
        [0.06, 0.03, 0.015],
        [0.17, 0.09, 0.04],
        [0.42, 0.28, 0.12],
        [0.4, 0.39, 0.38],
    ]
)
_IRISES = np.array([[0.08, 0.04, 0.02], [0.1, 0.16, 0.25], [0.1, 0.16, 0.08], [0.02, 0.015, 0.01]])
_HAIR_STYLES = ("short", "long", "bald", "fringe")


@dataclass(frozen=True)
class Person:
    """What stays with an identity: the shape of the head and the colours on it."""

    head: tuple[float, float, float]
    jaw: float
    eye: tuple[float, float]
    eye_size: tuple[float, float]
    brow: tuple[float, float, float]
    nose: tuple[float, float, float]
    mouth: tuple[float, float]
    lips: float
    chin: float
    cheek: float
    skin: np.ndarray
    lip_colour: np.ndarray
    hair: np.ndarray
    iris: np.ndarray
    hair_style: str
    hairline: float
    beard: float
    clothes: np.ndarray


@dataclass(frozen=True)
class Shot:
    """What changes from picture to picture: frame, pose, light and expression."""

    width: int
    height: int
    scale: float
    centre: tuple[float, float]
    yaw: float
    pitch: float
    roll: float
    light: np.ndarray
    light_colour: np.ndarray
    ambient: float
    gaze: tuple[float, float]
    smile: float
    opened: float

    def scaled(self, factor: float) -> Shot:
        """The same picture with sides of so many times the pixels."""
        return replace(
            self,
            width=round(self.width * factor),
            height=round(self.height * factor),
            scale=self.scale * factor,
            centre=(self.centre[0] * factor, self.centre[1] * factor),
        )


def draw_person(rng: np.random.Generator) -> Person:
    """An identity drawn at random."""
    tone = rng.uniform(0, len(_SKINS) - 1)
    low = int(tone)
    high = min(low + 1, len(_SKINS) - 1)
    skin = _SKINS[low] * (1 - tone + low) + _SKINS[high] * (tone - low)
    skin = skin * rng.uniform(0.92, 1.08, 3)
    return Person(
        head=(rng.uniform(0.72, 0.82), 1.0, rng.uniform(0.8, 0.92)),
        jaw=rng.uniform(0.06, 0.26),
        eye=(rng.uniform(0.27, 0.33), rng.uniform(-0.12, -0.03)),
        eye_size=(rng.uniform(0.125, 0.16), rng.uniform(0.05, 0.078)),
        brow=(rng.uniform(0.15, 0.21), rng.uniform(0.018, 0.04), rng.uniform(-0.15, 0.25)),
        nose=(rng.uniform(0.22, 0.31), rng.uniform(0.085, 0.125), rng.uniform(0.13, 0.21)),
        mouth=(rng.uniform(0.2, 0.27), rng.uniform(0.5, 0.57)),
        lips=rng.uniform(0.035, 0.07),
        chin=rng.uniform(0.03, 0.1),
        cheek=rng.uniform(0.02, 0.07),
        skin=skin,
        lip_colour=skin * np.array([0.9, 0.5, 0.5]) * rng.uniform(0.75, 1.05),
        hair=_HAIRS[rng.integers(len(_HAIRS))] * rng.uniform(0.75, 1.25) * rng.uniform(0.94, 1.06, 3),
        iris=_IRISES[rng.integers(len(_IRISES))] * rng.uniform(0.8, 1.2),
        hair_style=str(rng.choice(_HAIR_STYLES, p=(0.4, 0.3, 0.1, 0.2))),
        hairline=rng.uniform(-0.66, -0.5),
        beard=float(rng.choice((0.0, rng.uniform(0.2, 0.75)), p=(0.7, 0.3))),
        clothes=rng.uniform(0.03, 0.6, 3),
    )


def draw_shot(rng: np.random.Generator) -> Shot:
    """A picture's frame (256 to 512 px a side), pose and light, drawn at random."""
    width = int(rng.integers(256, 513))
    height = int(np.clip(round(width * rng.choice((1.0, 1.0, 1.2))), 256, 512))
    short = min(width, height)
    azimuth, elevation = rng.uniform(-1.0, 1.0), rng.uniform(0.15, 0.9)
    light = (
        np.cos(elevation) * np.sin(azimuth),
        -np.sin(elevation),
        np.cos(elevation) * np.cos(azimuth),
    )
    warmth = rng.uniform(-0.15, 0.15)
    return Shot(
        width=width,
        height=height,
        scale=short * rng.uniform(0.27, 0.36),
        centre=(width * rng.uniform(0.45, 0.55), height * rng.uniform(0.46, 0.52)),
        yaw=rng.uniform(-0.45, 0.45),
        pitch=rng.uniform(-0.15, 0.15),
        roll=rng.uniform(-0.2, 0.2),
        light=np.array(light),
        light_colour=np.array([1 + warmth, 1.0, 1 - warmth]) * rng.uniform(0.75, 1.15),
        ambient=rng.uniform(0.25, 0.5),
        gaze=(rng.uniform(-0.35, 0.35), rng.uniform(-0.2, 0.2)),
        smile=rng.uniform(-0.25, 1.0),
        opened=max(0.0, rng.uniform(-0.06, 0.05)),
    )
