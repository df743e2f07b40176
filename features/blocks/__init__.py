"""The spectral blocks: importing this package registers every block."""

from features.blocks import (  # noqa: F401
    angular,
    blockdct,
    chroma,
    contrast,
    logdct,
    npr,
    phase,
    radial,
    srm,
    upsampling,
    wavelet,
)
