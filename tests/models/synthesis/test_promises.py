"""What each kind promises: outside its mask nothing tells the fake from its real partner, whatever the file."""

import cv2
import lightgbm
import numpy as np
import pytest
import scipy.fft

from models.kinds import Forgery
from models.synthesis.pseudo_fakes import forge, kinds
from tests.models.synthesis.drawn_pictures import SIDE, face

PICTURES = 120
FOLDS = 4
REACH = 20  # px that a change of one pixel reaches in a JPEG: its block of 16 px, and the smoothed colour of the next
LEAST_OUTSIDE = 0.15  # of the area
LEAST_PAIRS = 25
ORDER = np.add.outer(np.arange(8), np.arange(8))
BANDS = [np.isin(ORDER, range(low, high)) for low, high in ((1, 3), (3, 5), (5, 8), (8, 11), (11, 15))]
BOOSTER = {
    "objective": "binary", "num_leaves": 7, "min_data_in_leaf": 8, "learning_rate": 0.15, "seed": 0,
    "deterministic": True, "num_threads": 1, "verbosity": -1,
}  # fmt: skip


def photograph(seed):
    """A spectrum of 1/f, little colour, a sensor's grain and a JPEG: all of one camera, so that a change shows."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None, :])
    plane = np.fft.rfft2(rng.normal(size=(SIDE, SIDE, 4)), axes=(0, 1))
    plane /= np.maximum(frequency, 1 / SIDE)[..., None] ** 1.3
    layers = np.fft.irfft2(plane, s=(SIDE, SIDE), axes=(0, 1))
    layers = (layers - layers.mean((0, 1))) / layers.std((0, 1))
    scene = 125 + layers[..., :1] * rng.uniform(22, 28) + layers[..., 1:] * 3
    noisy = scene + rng.normal(0, 2.5, scene.shape)
    return saved(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))


def saved(pixels, quality=92):
    code = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(code, cv2.IMREAD_COLOR_RGB)


def statistics(pixels, outside):
    """Colours, and energies of luma and colour in bands of the cosine transform, where `outside` is True."""
    mean = pixels[outside].mean(0)
    whole = outside.reshape(SIDE // 8, 8, SIDE // 8, 8).all(axis=(1, 3)).ravel()
    ycc = cv2.cvtColor(pixels, cv2.COLOR_RGB2YCrCb).astype(np.float32)
    blocks = ycc.reshape(SIDE // 8, 8, SIDE // 8, 8, 3).transpose(0, 2, 4, 1, 3).reshape(-1, 3, 8, 8)[whole]
    power = np.square(scipy.fft.dctn(blocks, axes=(2, 3), norm="ortho"))
    bands = np.log(np.stack([power[:, :, band].mean((0, 2)) for band in BANDS]) + 0.01)
    return [mean[0] - mean[1], mean[2] - mean[1], *bands.ravel(), *np.diff(bands, axis=0).ravel()]


def auc_outside(pairs):
    """Chance that trees which see the pixels outside a mask alone rank a fake above a real picture.

    Both of a pair are saved with the same quality and stay in one fold.

    Parameters
    ----------
    pairs : list of Forgery
    """
    rows = []
    for pair in pairs:
        reached = cv2.dilate((pair.mask > 0).astype(np.uint8), np.ones((2 * REACH + 1,) * 2, np.uint8))
        if (reached == 0).mean() >= LEAST_OUTSIDE:
            rows += [statistics(saved(pixels), reached == 0) for pixels in (pair.real, pair.fake)]
    assert len(rows) >= LEAST_PAIRS * 2, f"{len(rows) // 2} of {len(pairs)} pairs have an outside; draw more"
    features, target = np.array(rows), np.arange(len(rows)) % 2
    fold, score = np.arange(len(rows)) // 2 % FOLDS, np.zeros(len(rows))
    for held in range(FOLDS):
        train, test = fold != held, fold == held
        data = lightgbm.Dataset(features[train], label=target[train])
        score[test] = lightgbm.train(BOOSTER, data, num_boost_round=60).predict(features[test])
    above = score[target == 1][:, None] - score[target == 0][None, :]
    return (above > 0).mean() + (above == 0).mean() / 2


@pytest.fixture(scope="module")
def photographs():
    return [photograph(seed) for seed in range(PICTURES)]


@pytest.fixture(scope="module")
def forgeries(photographs):
    """By kind: the forgery of each photograph."""
    return {
        kind: [forge(kind, p, face(), np.random.default_rng([n, 7])) for n, p in enumerate(photographs)]
        for kind in kinds()
    }


def local(forgeries):
    """Those that leave a part of the picture as it was."""
    return [forgery for forgery in forgeries if forgery.mask.min() == 0]


@pytest.fixture(params=kinds())
def kind(request):
    return request.param


def test_outside_the_mask_nothing_tells_the_fake_from_its_real_partner(kind, forgeries):
    if some := local(forgeries[kind]):
        assert auc_outside(some) == pytest.approx(0.5, abs=0.05)


def test_the_real_partner_of_a_picture_redrawn_as_a_whole_is_a_real_picture(kind, forgeries, photographs):
    """There is no outside then: the partner itself must be no other than the picture that it is of."""
    nowhere = np.zeros((SIDE, SIDE), np.float32)
    whole = [
        Forgery(real=pixels, fake=forgery.real, mask=nowhere)
        for pixels, forgery in zip(photographs, forgeries[kind], strict=True)
        if forgery.mask.min() > 0
    ]
    if whole:
        assert auc_outside(whole) == pytest.approx(0.5, abs=0.05)


def sharper(pixels):
    x = pixels.astype(np.float32)
    return np.clip(x + 0.15 * (x - cv2.GaussianBlur(x, (0, 0), 1)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "leak", [sharper, lambda pixels: saved(pixels, 75), lambda pixels: cv2.add(pixels, (4, 0, 0, 0))],
    ids=["sharper", "saved once more", "redder"],
)  # fmt: skip
def test_the_trees_find_an_outside_that_was_changed(leak, forgeries):
    changed = [
        Forgery(real=f.real, fake=np.where(f.mask[..., None] == 0, leak(f.fake), f.fake), mask=f.mask)
        for f in forgeries["blend"]
    ]
    assert auc_outside(changed) > 0.7


def test_the_trees_find_a_base_that_was_changed_in_the_fake_alone(forgeries, photographs):
    """Told from the picture as it was, a blend into a changed base is known by its outside."""
    pairs = zip(photographs, forgeries["blend"], strict=True)
    other = [Forgery(real=pixels, fake=f.fake, mask=f.mask) for pixels, f in pairs]
    changed = [f for f in other if (f.real[0] != f.fake[0]).mean() > 0.2]
    assert 0.3 * PICTURES < len(changed) < 0.7 * PICTURES
    assert auc_outside(changed) > 0.7
