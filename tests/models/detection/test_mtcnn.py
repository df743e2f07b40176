"""Face detection on drawn faces: agreement with facenet-pytorch, and bits that do not vary."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
import torch
from facenet_pytorch import MTCNN
from facenet_pytorch.models.mtcnn import ONet, PNet, RNet
from torch.nn import functional as F

from models.detection.boxes import nms_smaller, nms_union, per_image, pixel_windows, shift_edges, square
from models.detection.cascade import load_cascade
from models.detection.mtcnn import FaceDetector
from models.detection.pyramid import SummedArea, pages, search_steps

CPU = torch.device("cpu")


def draw_face(size: int = 320, *, seed: int = 0, share: float = 0.6) -> np.ndarray:
    """A shaded ellipse with brows, eyes, nose and lips on a plain background, RGB uint8."""
    rng = np.random.default_rng(seed)
    picture = np.empty((640, 640, 3), np.float32)
    picture[:] = rng.uniform(60, 200, 3)
    skin = np.array([215, 170, 145], np.float32) + rng.uniform(-20, 15, 3)
    y, x = np.mgrid[:640, :640].astype(np.float32)
    a, b = 320 * share * 0.78, 320 * share
    u, v = (x - 320) / a, (y - 320) / b
    depth = np.sqrt(np.clip(1 - u * u - v * v, 0, 1))
    inside = (u * u + v * v < 1)[..., None]
    hair = ((u / 1.15) ** 2 + ((v + 0.15) / 1.15) ** 2 < 1)[..., None]
    picture = np.where(hair, np.float32(45), picture)
    picture = np.where(inside, skin * (0.55 + 0.45 * depth - 0.1 * u)[..., None], picture)

    def at(du: float, dv: float) -> tuple[int, int]:
        return int(320 + du * a), int(320 + dv * b)

    def ellipse(du: float, dv: float, ru: float, rv: float, colour: tuple[int, ...]) -> None:
        radii = (max(1, int(ru * a)), max(1, int(rv * b)))
        cv2.ellipse(picture, at(du, dv), radii, 0, 0, 360, colour, -1)

    for side in (-1, 1):
        ellipse(side * 0.40, -0.36, 0.22, 0.035, (60, 40, 30))
        ellipse(side * 0.40, -0.20, 0.17, 0.065, (235, 230, 225))
        ellipse(side * 0.40, -0.20, 0.075, 0.06, (50, 35, 30))
        ellipse(side * 0.11, 0.20, 0.05, 0.03, (110, 70, 60))
    ellipse(0.0, 0.10, 0.09, 0.10, (205, 155, 130))
    ellipse(0.0, 0.50, 0.30, 0.08, (165, 75, 75))
    ellipse(0.0, 0.50, 0.27, 0.012, (90, 35, 40))
    picture = cv2.GaussianBlur(picture, (0, 0), 3)
    picture = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
    return np.clip(picture + rng.normal(0, 3, picture.shape), 0, 255).astype(np.uint8)


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    size = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None)
    both = size.prod()
    return float(both / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - both))


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


# ---- agreement with facenet-pytorch ----------------------------------------------------------


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


@pytest.mark.parametrize("index", [0, 1, 2])
def test_net_equals_facenet_pytorch(index):
    net, theirs = load_cascade(CPU)[index], (PNet, RNet, ONet)[index]()
    pixels = torch.randn(5, 3, net.size or 31, net.size or 31)
    with torch.inference_mode():
        out = torch.cat([net(part) for part in pixels.split(net.group)])
        expected = theirs(pixels)
    torch.testing.assert_close(out[:, :2].softmax(1), expected[-1], atol=1e-5, rtol=0)
    torch.testing.assert_close(out[:, 2:], torch.cat(expected[:-1], 1), atol=1e-5, rtol=0)


@pytest.mark.parametrize("side", [(97, 131), (128, 128), (40, 260), (900, 1300)])
def test_page_gives_the_same_cells_as_separate_levels(side):
    # the largest needs several pages per level
    image = noise(*side)
    sums, pnet, theirs = SummedArea([image], device=CPU), load_cascade(CPU)[0], PNet()
    whole = torch.tensor(image).permute(2, 0, 1)[None].float()
    scales = sum(search_steps(*side, min_face=20, factor=0.709, coarse_face=0.15), ())
    found: dict[int, list[torch.Tensor]] = {}
    with torch.inference_mode():
        for page in pages(*side, scales, device=CPU):
            out = pnet(sums.page(page, torch.tensor([0])), seam=page.seam)
            out = out.permute(0, 2, 3, 1).flatten(1, 2)[0, page.cell]
            for level in page.level.unique().tolist():
                found.setdefault(level, []).append(out[page.level == level])
        assert len(found) == len(scales)
        for scale in scales:
            size = int(side[0] * scale + 1), int(side[1] * scale + 1)
            level = (F.interpolate(whole, size=size, mode="area") - 127.5) * 0.0078125
            edges, prob = theirs(level)
            ours = torch.cat(found[round(256 * 12 / scale)])
            assert len(ours) == prob[0, 0].numel()
            expected = torch.cat([prob, edges], 1)[0].flatten(1).T
            ours = torch.cat([ours[:, :2].softmax(1), ours[:, 2:]], 1)
            torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)


def test_crops_are_area_averages():
    images = [noise(50, 70), noise(33, 20)]
    sums = SummedArea(images, device=CPU)
    owner = torch.tensor([0, 1, 0])
    windows = torch.tensor([[3, 5, 61, 44], [0, 0, 20, 33], [69, 49, 70, 50]])
    crops = sums.crops(owner, windows, size=24)
    for crop, i, (x0, y0, x1, y1) in zip(crops, owner.tolist(), windows.tolist(), strict=True):
        part = torch.tensor(images[i][y0:y1, x0:x1]).permute(2, 0, 1)[None].float()
        expected = (F.interpolate(part, size=(24, 24), mode="area")[0] - 127.5) * 0.0078125
        torch.testing.assert_close(crop, expected, atol=1e-6, rtol=0)


def test_sums_beyond_32_bits_stay_exact():
    white = np.full((3000, 3000, 3), 255, np.uint8)  # 2.3e9 > 2**31
    window = torch.tensor([[2900, 2900, 3000, 3000]])
    crop = SummedArea([white], device=CPU).crops(torch.tensor([0]), window, size=24)
    assert torch.all(crop == (255 - 127.5) * 0.0078125)


# ---- search ----------------------------------------------------------------------------------


@pytest.mark.parametrize("coarse_face", [1e-6, 0.15, 0.4, 2.0])
def test_steps_cover_the_grid_of_scales_from_coarse_to_fine(coarse_face):
    steps = search_steps(240, 500, min_face=20, factor=0.709, coarse_face=coarse_face)
    scales = sum(steps, ())
    expected = [0.6 * 0.709**k for k in range(20) if 240 * 0.6 * 0.709**k >= 12]
    np.testing.assert_allclose(sorted(scales), sorted(expected))
    assert all(max(a) < min(b) for a, b in itertools.pairwise(steps))
    if coarse_face == 0.15:
        assert min(12 / scale for scale in steps[0]) >= 0.15 * 240
        assert max(12 / scale for scale in steps[1]) < 0.15 * 240


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


# ---- bits that do not vary -------------------------------------------------------------------


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


# ---- boxes -----------------------------------------------------------------------------------

BOXES = torch.tensor([[0.0, 0, 9, 9], [1, 0, 10, 9], [30, 30, 39, 39], [2, 2, 5, 5]])
SCORES = torch.tensor([0.8, 0.9, 0.7, 0.6])
ONE = torch.zeros(4, dtype=torch.int64)


def test_union_suppression_keeps_the_best_of_each_cluster():
    # IoU of the first two is 72 / 90; the small one covers 9 / 81 of the second
    assert nms_union(BOXES, SCORES, ONE, threshold=0.5).tolist() == [1, 2, 3]
    assert nms_union(BOXES, SCORES, ONE, threshold=0.85).tolist() == [1, 0, 2, 3]


def test_smaller_suppression_drops_a_box_inside_another():
    assert nms_smaller(BOXES, SCORES, ONE, threshold=0.7).tolist() == [1, 2]


def test_smaller_suppression_is_greedy():
    # each covers the next by 0.8; a suppressed box no longer suppresses
    chain = torch.tensor([[0.0, 0, 9, 0], [2, 0, 11, 0], [4, 0, 13, 0], [6, 0, 15, 0]])
    falling = torch.tensor([0.9, 0.8, 0.7, 0.6])
    assert nms_smaller(chain, falling, ONE, threshold=0.7).tolist() == [0, 2]


@pytest.mark.parametrize("nms", [nms_union, nms_smaller])
def test_groups_never_suppress_each_other(nms):
    same = torch.tensor([[5.0, 5, 20, 20]]).repeat(4, 1)
    groups = torch.tensor([0, 0, 1, 2])
    kept = nms(same, SCORES, groups, threshold=0.5)
    assert sorted(groups[kept].tolist()) == [0, 1, 2]


def test_suppression_per_image_is_sorted_by_image():
    image = torch.tensor([0, 2, 2, 5])
    boxes = torch.tensor([[0.0, 0, 9, 9]]).repeat(4, 1)
    assert per_image(nms_union, boxes, SCORES, image, threshold=0.5).tolist() == [0, 1, 3]
    within = torch.tensor([0, 1, 0, 0])
    kept = per_image(nms_union, boxes, SCORES, image, within=within, threshold=0.5)
    assert kept.tolist() == [0, 1, 2, 3]
    nothing = torch.zeros(0, dtype=torch.int64)
    assert per_image(nms_union, boxes[:0], SCORES[:0], nothing, threshold=0.5).tolist() == []


def test_square_keeps_centre_and_longer_side():
    box = square(torch.tensor([[10.0, 20, 30, 60]]))
    assert box.tolist() == [[0, 20, 40, 60]]


def test_shift_edges_moves_by_shares_of_the_size():
    box, by = torch.tensor([[0.0, 0, 9, 19]]), torch.tensor([[0.1, 0.1, -0.1, 0.5]])
    torch.testing.assert_close(shift_edges(box, by), torch.tensor([[1.0, 2, 8, 29]]))
    moved = shift_edges(box, by, inclusive=False)
    torch.testing.assert_close(moved, torch.tensor([[0.9, 1.9, 8.1, 28.5]]))


def test_pixel_windows_are_clipped_and_may_be_empty():
    boxes = torch.tensor([[-3.5, 2.9, 8.2, 50.0], [25.0, 1, 30, 5], [-9.0, -9, -2, -2]])
    windows = pixel_windows(boxes, torch.tensor([10, 10, 10]), torch.tensor([20, 20, 20]))
    assert windows[0].tolist() == [0, 1, 8, 10]
    assert (windows[:, 2] > windows[:, 0]).tolist() == [True, False, False]
