"""The card that a bundle carries: what it is, what it was trained on, what it may be used for."""

from __future__ import annotations

from models.bundle_info import OVERALL, BundleInfo

CARD_FILE = "MODEL_CARD.md"
_TEXT = """# Model card of this bundle
After Mitchell et al. 2019, *Model Cards for Model Reporting*, arXiv:1810.03993. Written by the run that trained it.

## Model
- Task: probability that the largest face in an image was forged.
- Output: the probability for the mix of classes in training, {prior} fakes; novelty; a log-likelihood ratio for each kind of fake.
- Parts: {numbers} numbers in {blocks} blocks ({block_names}); nets: {nets}; experts: {experts}.
- Made with {software}.

## Training data
- {images} images, {fakes} of them fake, in {groups} groups; {calibration} more for calibration and thresholds.
- Images by source: {sources}.
- Fingerprint of images and labels: `{fingerprint}`.

## Figures
- AUC of the trees out of fold on the training images: {auc}. Figures on validation images are in the run's report.
{thresholds}

## What to know
{warnings}

## Use
- For research, teaching, sorting images for a person who looks further, and as a baseline.
- Not as proof against a person. Not for sources or kinds of forgery that it was not tested on: there a score says little.
- Not for video, sound, whole scenes or documents, and not for identifying people.

## Files
SHA-256 of every part is in `bundle.json`; a bundle that was changed is refused.
"""


def model_card(info: BundleInfo) -> str:
    """Fill in the card of a bundle.

    Parameters
    ----------
    info : BundleInfo

    Returns
    -------
    str
        Markdown, the same for the same bundle.
    """
    training, auc = info.training, info.metrics.get("oof_auc")
    return _TEXT.format(
        prior=f"{info.prior:.1%}",
        numbers=sum(len(block.columns) for block in info.blocks.values()),
        blocks=len(info.blocks),
        block_names=", ".join(info.blocks),
        nets=", ".join(
            f"{name} ({net.model}, {net.size} px, {net.n_models} models; {net.origin})"
            for name, net in info.nets.items()
        )
        or "none",
        experts=", ".join(expert.kind for expert in info.stacker.experts),
        software=", ".join(f"{name} {version}" for name, version in info.software.items()),
        images=f"{training.images:,}",
        fakes=f"{training.fakes:,}",
        groups=f"{training.groups:,}",
        calibration=f"{training.calibration:,}",
        sources=", ".join(f"{source} {count:,}" for source, count in training.sources.items()),
        fingerprint=training.fingerprint,
        auc="not known" if auc is None else f"{auc:.3f}",
        thresholds=_thresholds(info),
        warnings="\n".join(f"- {warning}" for warning in info.warnings)
        or "- Nothing unusual in how it was made.",
    )


def _thresholds(info: BundleInfo) -> str:
    """The limits of the answers for all sources together, each a line."""
    lines = [
        f"- With 95 % confidence at most {limit.rate:.1%} of real faces score above {limit.fake_above:.4f}."
        for limit in info.thresholds
        if limit.source == OVERALL and limit.fake_above is not None
    ]
    return "\n".join(lines) or "- No threshold with a guarantee: too few images were kept back for one."
