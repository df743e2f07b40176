"""Full-frame log-DCT of pictures whose numbers are known beforehand."""

from __future__ import annotations

import numpy as np
import scipy.fft

from tests.features.pictures import gaussian, grey


def test_logdct_puts_one_coefficient_into_its_bin(measure):
    coefficients = np.zeros((96, 120))
    coefficients[30, 45] = 4000.0
    values = measure("logdct", grey(128 + scipy.fft.idctn(coefficients, norm="ortho")))
    bins = [values[f"bin_{i:02d}"] for i in range(36)]
    assert np.argmax(bins) == int((30 / 96 + 45 / 120) * 18)


def test_logdct_of_white_noise_is_flat(measure):
    values = measure("logdct", grey(gaussian(256, 256)))
    assert max(abs(values[f"bin_{i:02d}"]) for i in range(3, 34)) < 0.2
    assert max(abs(v) for k, v in values.items() if k.startswith("mid")) < 0.1
