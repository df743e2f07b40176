"""Names of what an image can be: real, a labelled fake, or a kind of pseudo-fake."""

from __future__ import annotations

REAL = "real"
LABELLED = "labelled"  # a fake of the data set, by its label; every other kind is made from real faces
