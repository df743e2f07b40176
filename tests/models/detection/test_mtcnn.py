"""Face detection on drawn faces: agreement with facenet-pytorch, and bits that do not vary."""

from __future__ import annotations

import itertools
from unittest.mock import patch

import cv2
import numpy as np
import pytest
import torch
from facenet_pytorch import MTCNN

from models.detection import mtcnn
from models.detection.mtcnn import SEARCH, FaceDetector
from tests.models.detection.drawn_faces import draw_face, iou, noise


def reference(image: np.ndarray) -> tuple[int, float, np.ndarray, np.ndarray]:
    """facenet-pytorch's number of faces; probability, box, landmarks of the main one."""
    boxes, probs, points = MTCNN(keep_all=True).detect(image, landmarks=True)
    assert boxes is not None, "the drawing must be a face to facenet-pytorch"
    boxes, probs, points = (np.array(a, np.float32) for a in (boxes, probs, points))
    main = int(np.argmax((boxes[:, 2:] - boxes[:, :2]).prod(axis=1) * probs))
    return len(boxes), float(probs[main]), boxes[main], points[main]


def same_bits(a, b) -> bool:
    return (a.found, a.n_faces, a.box.tobytes(), a.landmarks.tobytes()) == (
        b.found,
        b.n_faces,
        b.box.tobytes(),
        b.landmarks.tobytes(),
    ) and (a.prob == b.prob or not a.found)


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector()


@pytest.fixture(scope="module")
def mixed() -> list[np.ndarray]:
    return [
        draw_face(320),
        draw_face(224, seed=1, share=0.9),
        noise(90, 120),
        draw_face(321, seed=2, share=0.25),
        np.zeros((1, 1, 3), np.uint8),
        draw_face(200, seed=3)[:, 7:190],
        draw_face(320, seed=4, share=0.4),
        np.full((64, 48, 3), 128, np.uint8),
    ]


@pytest.fixture(scope="module")
def mixed_results(detector, mixed):
    return detector.detect(mixed)


@pytest.mark.parametrize(("size", "share"), list(itertools.product((160, 224, 320), (0.3, 0.6, 0.9))))
def test_boxes_and_landmarks_agree_with_facenet_pytorch(size, share):
    image = draw_face(size, seed=size, share=share)
    _, _, box, points = reference(image)
    ours = FaceDetector(border=0).detect([image])[0]
    assert ours.found
    assert iou(ours.box, box) > 0.9
    np.testing.assert_allclose(ours.landmarks, points, atol=0.05 * (box[2] - box[0]))


def test_full_search_equals_facenet_pytorch(mixed):
    images = [mixed[i] for i in (0, 1, 3, 6)]
    for image, ours in zip(images, FaceDetector(coarse_face=1e-6, border=0).detect(images), strict=True):
        count, prob, box, points = reference(image)
        assert ours.n_faces == count
        assert ours.prob == pytest.approx(prob, abs=1e-5)
        np.testing.assert_allclose(ours.box, box, atol=0.02)
        np.testing.assert_allclose(ours.landmarks, points, atol=0.02)


@pytest.mark.parametrize("side", [(1, 1), (1, 500), (19, 400), (0, 5)])
def test_too_small_for_a_face(detector, side):
    result = detector.detect([np.full((*side, 3), 90, np.uint8)])[0]
    assert not result.found
    assert result.n_faces == 0
    assert np.isnan(result.prob)
    assert result.box.shape == (4,)
    assert np.isnan(result.box).all()
    assert result.landmarks.shape == (5, 2)
    assert np.isnan(result.landmarks).all()


@pytest.mark.parametrize("image", [noise(130, 90), np.full((100, 160, 3), 128, np.uint8)])
def test_no_face(detector, image):
    assert not detector.detect([image])[0].found


def test_no_images(detector):
    assert detector.detect([]) == []


def test_landmarks_are_in_the_documented_order(mixed_results):
    left_eye, right_eye, nose, left_mouth, right_mouth = mixed_results[0].landmarks
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])


def test_of_several_faces_the_larger_is_chosen_and_all_are_counted(detector):
    small, large = draw_face(160, seed=1, share=0.7), draw_face(320, seed=2, share=0.7)
    image = np.full((320, 480, 3), 120, np.uint8)
    image[:160, :160], image[:, 160:] = small, large
    result = detector.detect([image])[0]
    assert result.n_faces == 2
    assert result.box[0] > 160
    assert result.box[2] - result.box[0] > 120
    every = detector.detect_every([image])[0]
    assert same_bits(every[0], result)
    assert [face.n_faces for face in every] == [2, 2]
    assert every[1].box[2] < 170
    mirrored = detector.detect([np.ascontiguousarray(image[:, ::-1])])[0]
    assert mirrored.box[2] < 320


def test_a_small_face_is_found_by_the_finer_levels(detector):
    image = np.full((600, 600, 3), 120, np.uint8)
    image[400:480, 100:180] = draw_face(80, seed=1, share=0.7)
    result = detector.detect([image])[0]
    assert result.found
    centre = (result.box[:2] + result.box[2:]) / 2
    np.testing.assert_allclose(centre, [140, 440], atol=12)


def test_a_moved_face_moves_its_box(detector):
    face = draw_face(200, seed=5)
    boxes = []
    for x, y in ((20, 30), (83, 71)):
        image = np.full((300, 320, 3), 128, np.uint8)
        image[y : y + 200, x : x + 200] = face
        boxes.append(detector.detect([image])[0].box - [x, y, x, y])
    assert iou(boxes[0], boxes[1]) > 0.85


def test_a_face_that_fills_its_picture_keeps_its_landmarks(detector):
    """Cut closely out of its picture, a face has the landmarks that it had there, or nearly."""
    picture = draw_face(320, seed=5, share=0.6)
    whole = detector.detect([picture])[0]
    x0, y0, x1, y1 = (int(v) for v in whole.box)
    cut = picture[y0:y1, x0:x1]
    there = whole.landmarks - np.array([x0, y0])
    size = x1 - x0
    with_border = np.abs(detector.detect([cut])[0].landmarks - there).mean() / size
    without = np.abs(FaceDetector(border=0).detect([cut])[0].landmarks - there).mean() / size
    assert with_border < 0.03
    assert with_border < without


def test_a_face_with_surroundings_is_searched_once():
    picture = draw_face(320, seed=1, share=0.4)
    assert same_bits(*(FaceDetector(border=b).detect([picture])[0] for b in (0, 0.25)))


def test_huge_image_is_searched_reduced_and_reported_in_its_own_pixels(detector):
    face = draw_face(320)
    huge = np.repeat(np.repeat(face, 15, axis=0), 15, axis=1)  # 4800 px: searched at 1/2
    assert iou(detector.detect([huge])[0].box / 15, detector.detect([face])[0].box) > 0.85


@pytest.mark.parametrize(
    "image", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 4), np.uint8), np.zeros((9, 9, 3))]
)
def test_wrong_array_is_refused_with_its_place(detector, image):
    message = r"image 1 of the batch: found shape .*allowed is \(H, W, 3\), uint8: convert"
    with pytest.raises(ValueError, match=message):
        detector.detect([np.zeros((9, 9, 3), np.uint8), image])


def test_drawn_faces_are_found(mixed_results):
    assert [r.found for r in mixed_results] == [True, True, False, True, False, True, True, False]


def test_alone_or_in_a_batch_gives_the_same_bits(detector, mixed, mixed_results):
    for image, expected in zip(mixed, mixed_results, strict=True):
        assert same_bits(detector.detect([image])[0], expected)


@pytest.mark.parametrize("seed", [0, 1])
def test_order_and_company_do_not_matter(detector, mixed, mixed_results, seed):
    chosen = np.random.default_rng(seed).choice(len(mixed), 19)  # more than one inner batch
    for i, result in zip(chosen, detector.detect([mixed[i] for i in chosen]), strict=True):
        assert same_bits(result, mixed_results[i])


def test_memory_layout_does_not_matter(detector, mixed, mixed_results):
    flipped = np.ascontiguousarray(mixed[0][:, ::-1])[:, ::-1]
    assert same_bits(detector.detect([flipped])[0], mixed_results[0])


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_thread_count_does_not_matter(detector, mixed, mixed_results, threads):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        results = detector.detect(mixed)
    finally:
        torch.set_num_threads(before)
    assert all(itertools.starmap(same_bits, zip(results, mixed_results, strict=True)))


@pytest.mark.parametrize(
    "options",
    [{"min_face": 90}, {"thresholds": (0.6, 0.7, 0.9999999)}, {"border": 0}],
    ids=lambda o: next(iter(o)),
)
def test_each_option_changes_what_is_found(detector, options):
    images = [draw_face(320, seed=2, share=0.2), draw_face(200, seed=5)[60:140, 60:140]]
    changed = FaceDetector(**options).detect(images)
    assert not all(itertools.starmap(same_bits, zip(changed, detector.detect(images), strict=True)))


def test_a_detector_of_options_reads_the_search_alone():
    options = {
        "min_face": 90,
        "coarse_face": 0.15,
        "thresholds": [0.6, 0.7, 0.7],
        "border": 0.25,
        "native": 1.2,
    }
    assert set(SEARCH) < set(options)
    image = draw_face(320, seed=2, share=0.2)
    result = FaceDetector.of(options, device="cpu").detect([image])[0]
    assert same_bits(result, FaceDetector(min_face=90).detect([image])[0])


@pytest.mark.parametrize("shape", [(4500, 300), (300, 9000), (4097, 5), (1, 5000), (2, 4096), (700, 500)])
@pytest.mark.parametrize("border", [0, 1, 75])
def test_a_large_picture_is_reduced_in_strips_as_if_at_once(shape, border):
    """The border of a photo of 48 megapixels would alone take twice its memory."""
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    whole = np.pad(image, ((border, border), (border, border), (0, 0)))
    height, width = whole.shape[:2]
    ratio = -(-max(height, width) // 4096)
    tall, wide = max(1, height // ratio), max(1, width // ratio)
    expected = cv2.resize(whole[: tall * ratio, : wide * ratio], (wide, tall), interpolation=cv2.INTER_AREA)
    with patch.object(mtcnn, "_STRIP_PIXELS", 100_000):
        found = mtcnn._reduce(image, border=border)
    assert mtcnn._reduced(image, border) == (found.shape[:2], ratio)
    np.testing.assert_array_equal(found, expected)
