"""A bundle's model card, from its record."""

from __future__ import annotations

from models.bundle_info import OVERALL, BundleInfo, ThresholdInfo


def card(info: BundleInfo, *, version: str) -> str:
    """Markdown for whoever is handed the bundle: what it is, what it learned from, what it answers, and its limits.

    Parameters
    ----------
    info : BundleInfo
    version : str
        Of the bundle.

    Returns
    -------
    str
    """
    training = info.training
    sources = ", ".join(f"{name} ({count:,})" for name, count in training.sources.items())
    lines = [
        f"# Model card of bundle {version}",
        "A deepfake detector for face images, trained with faketrace.",
        "",
        "## What it gives",
        "The probability that the main face of an image was forged, for images of which as many are fake as in training "
        f"({info.prior:.0%}); how unlike the training images it is; a ratio for each kind of fake.",
        "",
        "## What it learned from",
        f"{training.images:,} images, {training.fakes:,} of them fake, in {training.groups:,} groups; sources: {sources}.",
        f"{training.calibration:,} more images, which nothing was trained on, calibrate the scores.",
        *(
            f"- net `{name}`: {net.model}, {net.n_models} copies; first weights: {net.origin}"
            for name, net in info.nets.items()
        ),
        "",
        "## Figures",
        *(
            f"- {name}: {'unknown' if value is None else f'{value:.4f}'}"
            for name, value in info.metrics.items()
        ),
        "",
        "## Answers",
        *(_answers(limit) for limit in info.thresholds if limit.source == OVERALL),
        "",
        "## Limits",
        "- A score is no proof, and must not decide about a person by itself.",
        "- Of forgeries by methods that it never saw it may say little or nothing.",
        "- Limits and probabilities hold for images like those that it was calibrated on.",
        "- Nothing was measured here by skin tone, gender or age.",
        *(f"- {warning}" for warning in info.warnings),
    ]
    return "\n".join(lines) + "\n"


def _answers(limit: ThresholdInfo) -> str:
    rate = f"- at most {limit.rate:.1%} errors of each answer (95 % confidence): "
    if limit.fake_above is None and limit.real_below is None:
        return f"{rate}none; it takes {limit.needed:,} of each class, there are {limit.reals:,} real and {limit.fakes:,} fake"
    fake = "never" if limit.fake_above is None else f"above {limit.fake_above:.4f}"
    real = "never" if limit.real_below is None else f"below {limit.real_below:.4f}"
    return f"{rate}fake {fake}, real {real}, else undecided"
