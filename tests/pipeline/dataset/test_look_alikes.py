"""Copies of a picture are found however they were changed, and different pictures are no pair."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import pytest

from benchmarks.near_duplicates.plants import PLANTS, compressed
from pipeline.dataset import look_alikes as module
from pipeline.dataset.look_alikes import LookAlike, joined, look_alikes
from pipeline.dataset.sketches import SIDE, descriptors, sketch, trimmed
from pipeline.demo.person import draw_person, draw_shot
from pipeline.demo.portrait import draw_portrait
from pipeline.runtime.engine import Engine
from tests.pipeline.dataset.pictures import scene

FACES = 8
ALONE = Engine(backend="sequential")


@lru_cache
def faces() -> list[np.ndarray]:
    """Different drawn faces, BGR."""
    drawn = []
    for seed in range(FACES):
        rng = np.random.default_rng(seed)
        image = draw_portrait(draw_person(rng), draw_shot(rng), rng).image
        drawn.append(cv2.cvtColor(np.asarray(image, np.uint8), cv2.COLOR_RGB2BGR))
    return drawn


def sketched(picture: np.ndarray) -> np.ndarray:
    return sketch(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))


@pytest.mark.parametrize("kind", PLANTS)
def test_every_planted_copy_of_a_face_is_found_and_no_other_pair(kind: str) -> None:
    rng = np.random.default_rng(1)
    copies = [compressed(np.ascontiguousarray(PLANTS[kind](face, rng)), 90) for face in faces()]
    pairs = look_alikes(np.stack([sketched(face) for face in [*faces(), *copies]]), engine=ALONE)
    assert {(pair.first, pair.second) for pair in pairs} == {(i, i + FACES) for i in range(FACES)}
    assert all(pair.mirrored == (kind == "mirrored") for pair in pairs)


def test_no_pair_among_different_pictures() -> None:
    assert look_alikes(np.stack([sketch(scene(seed, side=96)) for seed in range(300)]), engine=ALONE) == []


def test_flat_pictures_are_like_none() -> None:
    flat = np.stack([sketch(np.full((80, 60), level, np.uint8)) for level in (0, 0, 128, 255)])
    assert look_alikes(flat, engine=ALONE) == []
    assert look_alikes(np.zeros((0, 2, SIDE, SIDE), np.uint8), engine=ALONE) == []


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = [scene(seed, side=96) for seed in range(12)]
    sketches = np.stack([sketch(picture) for picture in [*pictures, *(p[:, ::-1] for p in pictures)]])
    expected = look_alikes(sketches, engine=ALONE)
    assert [(pair.first + 12, pair.mirrored) for pair in expected] == [(p.second, True) for p in expected]
    monkeypatch.setattr(module, "_PAIRS_PER_TASK", 2)
    monkeypatch.setattr(module, "_QUERIES", 5)
    monkeypatch.setattr(module, "_STORED", 7)
    again = look_alikes(sketches, engine=ALONE)
    assert [(p.first, p.second, p.mirrored) for p in again] == [
        (p.first, p.second, p.mirrored) for p in expected
    ]


def test_a_border_is_trimmed_and_a_picture_without_one_is_not() -> None:
    picture = scene(3, side=96)
    framed = np.pad(picture, 9, constant_values=255)
    assert trimmed(framed).shape == (94, 94)
    assert trimmed(picture).shape == picture.shape


def test_a_mirrored_picture_has_the_odd_numbers_with_the_other_sign() -> None:
    pictures = np.stack([scene(5, side=SIDE), scene(5, side=SIDE)[:, ::-1]])
    values, odd = descriptors(pictures)
    assert np.allclose(values[0, ~odd], values[1, ~odd], atol=1e-5)
    assert np.allclose(values[0, odd], -values[1, odd], atol=1e-5)
    assert np.allclose(np.linalg.norm(values, axis=1), 1, atol=1e-5)


def test_pairs_join_clusters_across_chains() -> None:
    pairs = [LookAlike(0, 1, 0.9, False), LookAlike(1, 2, 0.9, False)]
    assert joined(["b", "c", "a", "d", "b"], [0, 1, 2], pairs) == ["a", "a", "a", "d", "a"]
