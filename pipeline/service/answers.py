"""What the service answers, as typed records: the OpenAPI page is made from them."""

from __future__ import annotations

import hashlib
from configparser import ConfigParser
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from models.fingerprint import ROOT
from pipeline.service.policy import Answer, Policy, Reason
from pipeline.service.results import FaceResult, Failed
from pipeline.serving.content_credentials import Status


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, protected_namespaces=())


class CredentialsAnswer(_Record):
    """What the file says of its own making (Content Credentials, C2PA). It moves no score and no answer."""

    status: Status = Field(
        description="valid: as it was signed; broken: something does not hold; elsewhere: kept at an address, which is never "
        "asked; absent proves nothing"
    )
    signer: str = Field(
        description="as the certificate says, which is not checked against a list of the trusted"
    )
    tool: str = Field(description="that wrote them")
    sources: list[str] = Field(
        description="IPTC's digital source types of what went into the picture, such as trainedAlgorithmicMedia"
    )
    problems: list[str] = Field(description="C2PA's codes of what does not hold")


class FaceAnswer(_Record):
    """A face that was found, and what is said of it."""

    place: int = Field(description="1 for the main face: the largest area times probability")
    box: list[float] = Field(description="x0, y0, x1, y1 in px of the upright image")
    prob: float = Field(description="the detector's probability that it is a face")
    score: float = Field(description="probability of fake at the training mix of classes")
    probability: float = Field(description="the same for the expected share of fakes")
    answer: Answer
    reason: Reason
    novelty: float = Field(description="share of the training images that are more usual than it")
    log_likelihood_ratios: dict[str, float] = Field(description="of each kind of fake against real")


class ImageAnswer(_Record):
    """One image: what is said of its main face, or why nothing can be said."""

    name: str
    sha256: str = Field(description="of the bytes that were sent")
    status: str = Field(
        description='"ok", or the code of what is wrong with the image; then score and answer are null'
    )
    score: float | None = Field(
        description="probability of fake at the training mix of classes; what predict writes"
    )
    probability: float | None = Field(description="the same for the expected share of fakes")
    answer: Answer | None = Field(description="by the thresholds of the policy")
    reason: Reason | None = Field(description="why this answer")
    novelty: float | None = Field(description="share of the training images that are more usual than it")
    log_likelihood_ratios: dict[str, float] = Field(
        description="of each kind of fake against real, by expert"
    )
    n_faces: int | None
    faces: list[FaceAnswer] = Field(
        description="the main one; every one with every_face; none where none was found"
    )
    warnings: list[str] = Field(description="what a reader has to know about this score")
    content_credentials: CredentialsAnswer | None = Field(
        description="null where none were read: c2pa-python is not installed, or the image could not be read"
    )


class ModelAnswer(_Record):
    """Which model speaks."""

    version: str = Field(description="first 12 hex digits of the SHA-256 of the bundle's record")
    software: str


class PolicyAnswer(_Record):
    """Which limits answer."""

    version: str
    rate: float | None = Field(description="share of errors of each answer at most, with 95 % confidence")
    fake_above: float | None
    real_below: float | None
    prior: float = Field(description="share of fakes that `probability` is for")


class ScoreAnswer(_Record):
    """The answer to a request."""

    request_id: str
    model: ModelAnswer
    policy: PolicyAnswer
    images: list[ImageAnswer]


class ExplainAnswer(ScoreAnswer):
    """The answer to a request for reasons."""

    reasons: dict[str, Any] = Field(
        description="raw, base, kinds, blocks, spectrum, features and pictures, as of python -m pipeline.explain"
    )


class StateAnswer(_Record):
    """Whether the service lives, or takes requests."""

    status: Literal["ok", "ready", "draining", "failed"]


class LimitsAnswer(_Record):
    """What a request may bring."""

    images: int
    bytes: int = Field(description="of a request")
    image_bytes: int = Field(description="of one image in it")
    pixels: int = Field(description="of an image")


class TrainingAnswer(_Record):
    """What the model was trained on."""

    images: int
    fakes: int


class VersionAnswer(_Record):
    """Which software, model and policy answer, and within which limits."""

    software: str
    bundle_format: int
    model: str
    trained_on: TrainingAnswer
    warnings: list[str] = Field(description="of the bundle")
    policy: dict[str, Any] = Field(description="its version and every limit")
    limits: LimitsAnswer


class ErrorAnswer(_Record):
    """Why a request was not answered."""

    code: str
    message: str


def software() -> str:
    """Version of faketrace; of a checkout that is run where it lies, that of its setup.cfg."""
    try:
        return version("faketrace")
    except PackageNotFoundError:
        config = ConfigParser()
        config.read(ROOT / "setup.cfg", encoding="utf-8")
        return config.get("metadata", "version", fallback="unknown")


def policy_answer(policy: Policy) -> PolicyAnswer:
    """What is told of a policy."""
    return PolicyAnswer(
        version=policy.version,
        rate=policy.rate,
        fake_above=policy.fake_above,
        real_below=policy.real_below,
        prior=policy.prior,
    )


def image_answer(name: str, data: bytes, result: list[FaceResult] | Failed, policy: Policy) -> ImageAnswer:
    """What is said of one image.

    Parameters
    ----------
    name : str
    data : bytes
        That were sent.
    result : list of FaceResult, or Failed
        Of the image's faces, the main one first.
    policy : Policy
    """
    digest = hashlib.sha256(data).hexdigest()
    if isinstance(result, Failed):
        return _unknown(name, digest, result)
    main = result[0]
    answer, reason = policy.answer(main)
    return ImageAnswer(
        name=name,
        sha256=digest,
        status="ok",
        score=main.score,
        probability=policy.probability(main.score),
        answer=answer,
        reason=reason,
        novelty=main.novelty,
        log_likelihood_ratios=main.log_likelihood_ratios,
        n_faces=main.n_faces,
        faces=[_face(face, policy) for face in result if face.found],
        warnings=main.warnings,
        content_credentials=None
        if main.credentials is None
        else CredentialsAnswer(**asdict(main.credentials)),
    )


def _face(face: FaceResult, policy: Policy) -> FaceAnswer:
    answer, reason = policy.answer(face)
    return FaceAnswer(
        place=face.place,
        box=list(face.box),
        prob=face.prob,
        score=face.score,
        probability=policy.probability(face.score),
        answer=answer,
        reason=reason,
        novelty=face.novelty,
        log_likelihood_ratios=face.log_likelihood_ratios,
    )


def _unknown(name: str, digest: str, failed: Failed) -> ImageAnswer:
    return ImageAnswer(
        name=name,
        sha256=digest,
        status=failed.status,
        score=None,
        probability=None,
        answer=None,
        reason=None,
        novelty=None,
        log_likelihood_ratios={},
        n_faces=None,
        faces=[],
        warnings=[failed.message],
        content_credentials=None,
    )
