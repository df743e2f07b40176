"""A changed constant, kernel or default gives new addresses to exactly what depends on it; words and layout to nothing."""

import ast
import shutil
from functools import partial
from pathlib import Path

import pytest

from features.spectral import blocks
from models.bundle_info import BlockInfo, BundleError
from models.fingerprint import fingerprint, reached, tree_digest
from models.generators.registry import GENERATORS
from models.sourcecode.modules import read_tree
from models.synthesis import pseudo_fakes
from pipeline.samples import variants
from pipeline.storage import addresses
from pipeline.storage.addresses import refuse_other_code

ROOT = Path(__file__).parents[3]
SPECTRAL = [f"spectral {name}" for name in blocks()]
KINDS = (*pseudo_fakes.kinds(), *GENERATORS)
VARIANTS = ["variant degraded", *(f"variant {kind}" for kind in KINDS)]
TRAINING = ["training labelled", *(f"training {kind}" for kind in KINDS)]
PICTURES = [f"pictures {kind}" for kind in GENERATORS]
RECORD = {
    "face": BlockInfo(sort="face", columns=["face.found"]),
    **{name: BlockInfo(sort="spectral", columns=list(block.columns)) for name, block in blocks().items()},
    "net_face": BlockInfo(sort="net", columns=["net_face.labelled"]),
}


@pytest.fixture(scope="module")
def copied_tree(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tree")
    for name in ("features", "models", "pipeline"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def table(root):
    """Every address of the pipeline, and the fingerprints of a bundle's record, as the code under `root` gives them."""
    tree = read_tree(root)
    with pytest.MonkeyPatch.context() as patch:
        # Read once, not for each of 50 addresses.
        patch.setattr(
            "models.fingerprint.read_tree", lambda folder: tree if folder == root else read_tree(folder)
        )
        for module in (addresses, variants):
            patch.setattr(module, "fingerprint", partial(fingerprint, root=root))
        patch.setattr(addresses, "tree_digest", partial(tree_digest, root=root))
        variants._code_of.cache_clear()
        found = {"faces": addresses.face_code(), "nets": addresses.net_code()}
        found |= {f"spectral {name}": addresses.spectral_code(name) for name in blocks()}
        found |= {f"variant {kind}": variants._code_of(kind) for kind in ("degraded", *KINDS)}
        found |= {f"training {head}": addresses.training_code([head]) for head in ("labelled", *KINDS)}
        found |= {f"pictures {kind}": addresses.picture_code(kind) for kind in GENERATORS}
        found |= {f"score {target}": code for target, code in addresses.scoring_code(RECORD).items()}
        variants._code_of.cache_clear()
    return found


def blocks_that_reach(name):
    """Spectral blocks whose code reaches a definition of that name."""
    symbols = {block: reached(blocks()[block].target, addresses.VIEWS, addresses.CROP) for block in blocks()}
    return [
        f"spectral {block}" for block, found in symbols.items() if any(s.endswith(f":{name}") for s in found)
    ]


EVERYTHING_FROM_PIXELS = ["faces", "nets", *SPECTRAL, *VARIANTS, *TRAINING, *PICTURES]
# file, what stands there, what is put there, the addresses that have to change, whether old bundles score otherwise
CHANGES = {
    "largest face read whole": ("features/*.py", "MAX_NATIVE = 512", "MAX_NATIVE = 256", "MAX_NATIVE", True),
    "floor of a variance": ("features/moments.py", "MIN_VARIANCE = 1e-5", "MIN_VARIANCE = 1e-4", "MIN_VARIANCE", True),
    "side of a JPEG block": ("features/views.py", "BLOCK = 8 ", "BLOCK = 16 ", ["nets", *SPECTRAL, *TRAINING], True),
    "a default": ("models/detection/*.py", "factor: float = 0.709", "factor: float = 0.7", ["faces"], True),
    "input of a net": ("models/nets/*.py", ") / 12.0", ") / 10.0", ["nets", *TRAINING], True),
    "quality of a degradation": (
        "models/synthesis/degradations.py", "_STRONG = (60, 96)", "_STRONG = (50, 96)", [*VARIANTS, *TRAINING], False,
    ),
    "share of moulded faces": (
        "models/synthesis/self_blend.py", "_MOULDED = 0.15", "_MOULDED = 0.2", ["variant blend", "training blend"], False,
    ),
    "kernel of a redrawn face": (
        "models/synthesis/resynthesis.py",
        "rng.normal(0, 0.15, kernel.shape)",
        "rng.normal(0, 0.25, kernel.shape)",
        ["variant resynthesis", "training resynthesis"],
        False,
    ),
    "share of mirrored pictures": (
        "models/synthesis/degradations.py", "if rng.random() < 0.5 else pixels", "if rng.random() < 0.4 else pixels", TRAINING, False,
    ),
    "decoding": ("pipeline/storage/portable_maps.py", "(255.0 / (high", "(254.0 / (high", EVERYTHING_FROM_PIXELS, True),
    "fusion": ("models/stacker/fusion.py", "np.log(self.shares)", "1.0 * np.log(self.shares)", [], True),
    "an auto-encoder's clamp": (
        "models/generators/autoencoder.py", "torch.tanh(x / 3) * 3", "torch.tanh(x / 4) * 4", ["pictures reconstruction"], False,
    ),
    "mixing with the real picture": (
        "models/synthesis/redrawn.py", "_LARGEST_SHARE = 0.5", "_LARGEST_SHARE = 0.4", TRAINING + VARIANTS, False,
    ),
    "rate of the moving average": ("models/nets/training.py", "EMA_DECAY = 0.998", "EMA_DECAY = 0.99", TRAINING, False),
}  # fmt: skip


@pytest.fixture(scope="module")
def before(copied_tree):
    return table(copied_tree)


@pytest.mark.parametrize("change", CHANGES)
def test_exactly_what_depends_on_a_change_gets_a_new_address(copied_tree, before, change):
    pattern, old, new, expected, scores_otherwise = CHANGES[change]
    places = [path for path in sorted(copied_tree.glob(pattern)) if old in path.read_text(encoding="utf-8")]
    assert len(places) == 1, f"{old!r} stands in {len(places)} files of {pattern}"
    text = places[0].read_text(encoding="utf-8")
    try:
        places[0].write_text(text.replace(old, new), encoding="utf-8")
        after = table(copied_tree)
    finally:
        places[0].write_text(text, encoding="utf-8")
    changed = {name for name in before if after[name] != before[name]}
    dependent = set(blocks_that_reach(expected) if isinstance(expected, str) else expected)
    assert dependent or change == "fusion", "the change has to reach something"
    assert {name for name in changed if not name.startswith("score ")} == dependent
    assert any(name.startswith("score ") for name in changed) == scores_otherwise


def test_layout_comments_and_words_change_nothing(copied_tree, before, tmp_path):
    for path in sorted(copied_tree.rglob("*.py")):
        target = tmp_path / path.relative_to(copied_tree)
        target.parent.mkdir(parents=True, exist_ok=True)
        rewritten = ast.unparse(ast.parse(path.read_text(encoding="utf-8")))  # no comment, another layout
        target.write_text("# A new comment\n" + rewritten + "\n", encoding="utf-8")
    assert table(tmp_path) == before


class Record:
    """What `refuse_other_code` reads of a bundle's record."""

    def __init__(self, code, blocks=RECORD):
        self.code, self.blocks = code, blocks


def test_a_bundle_of_other_code_is_refused_by_the_name_of_the_code(tmp_path):
    code = addresses.scoring_code(RECORD)
    refuse_other_code(tmp_path, Record(code))
    with pytest.raises(BundleError, match="trained with other code of features.views:plan_crop; train again"):
        refuse_other_code(tmp_path, Record({**code, addresses.CROP: "0" * 16}))
    with pytest.raises(BundleError, match=r"other code of features.blocks.gone:gone; train again"):
        refuse_other_code(tmp_path, Record({**code, "features.blocks.gone:gone": "0" * 16}))
    with pytest.raises(BundleError, match="trained with other code of features.views:plan_crop; train again"):
        refuse_other_code(tmp_path, Record({k: v for k, v in code.items() if k != addresses.CROP}))
    gone = {**RECORD, "gone": BlockInfo(sort="spectral", columns=["gone.x"])}
    with pytest.raises(BundleError, match="spectral block 'gone' is unknown; .*train again"):
        refuse_other_code(tmp_path, Record(code, gone))


def test_what_was_found_is_not_looked_for_again_until_a_file_changes(monkeypatch, tmp_path):
    monkeypatch.setenv("FAKETRACE_CACHE", str(tmp_path))
    targets = [addresses.CROP, addresses.FACE_BLOCK]
    first = addresses.fingerprints(targets)
    assert first == {target: fingerprint(target) for target in targets}

    def look(*_, **__):
        raise AssertionError("looked for again")

    monkeypatch.setattr(addresses, "fingerprint", look)
    assert addresses.fingerprints(targets[::-1]) == first
    with pytest.raises(AssertionError, match="looked for again"):
        addresses.fingerprints(targets[:1])
    monkeypatch.setattr(addresses, "tree_digest", lambda: "another")
    with pytest.raises(AssertionError, match="looked for again"):
        addresses.fingerprints(targets)
