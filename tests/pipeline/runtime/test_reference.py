"""docs/parameters.md is what the code says."""

from pathlib import Path

from pipeline.runtime.params import read_mapping
from pipeline.runtime.reference import reference

ROOT = Path(__file__).parents[3]


def test_the_committed_reference_is_current():
    text = reference(read_mapping(ROOT / "params.yaml"))
    assert (ROOT / "docs/parameters.md").read_text(encoding="utf-8") == text, (
        "run `python -m pipeline.configure --reference > docs/parameters.md`"
    )


def test_rows_say_default_bounds_and_meaning():
    text = reference(read_mapping(ROOT / "params.yaml"))
    for row in (
        "| `calibration` | `600` | whole number 0 or more | train images",
        "| `coarse_face` | `0.15` | number 0 to 1 |",
        "| `native` | `1.2` | number above 0 and up to 4 |",
        "| `n_models` | `null` | `null` or whole number 1 or more |",
        '| `crop` | `"aligned"` | `aligned`, `native` |',
        "| `normalise` | `false` | `true` or `false` |",
        "| `nets` | `face`, `seam`, `texture` | entries, see below |",
        "| `epochs` | required | whole number 1 to 1000 |",
        '| `pseudo_fakes` | `{"blend": 0.35, "resynthesis": 0.35',
    ):
        assert row in text
    assert "## finetune.nets.NAME" in text
