"""The answers: by the guaranteed limits alone, and none where these do not hold."""

import dataclasses

import pytest

from pipeline.service.policy import Policy
from pipeline.service.settings import Limits, ServiceError
from tests.pipeline.service.conftest import face, info


def policy(*limits, rate=None, prior=None):
    return Policy.of(info(limits), rate=rate, prior=prior)


@pytest.mark.parametrize(
    ("score", "answer"),
    [
        (0.8, "undecided"),
        (0.8 + 1e-12, "fake"),
        (0.2, "undecided"),
        (0.2 - 1e-12, "real"),
        (0.5, "undecided"),
    ],
)
def test_a_score_beyond_a_limit_is_answered(score, answer):
    assert policy((0.05, 0.8, 0.2)).answer(face(score))[0] == answer


def test_no_answer_where_the_guarantee_does_not_hold():
    usual = policy((0.05, 0.8, 0.2))
    assert usual.answer(face(0.99, found=False)) == ("undecided", "no_face")
    assert usual.answer(face(0.99, is_strange=True)) == ("undecided", "out_of_distribution")
    assert policy((0.05, None, 0.2)).answer(face(0.99)) == ("undecided", "between")
    assert policy((0.05, None, None)).answer(face(0.99)) == ("undecided", "no_thresholds")


def test_the_usual_rate_is_five_in_a_hundred_or_the_next_that_has_limits():
    assert policy((0.1, 0.7, 0.3), (0.05, 0.8, 0.2), (0.01, 0.9, 0.1)).rate == 0.05
    assert policy((0.1, 0.7, 0.3), (0.05, None, None), (0.01, None, None)).rate == 0.1
    assert policy((0.01, 0.9, 0.1)).rate is None  # never a stricter one than was expected


def test_a_rate_without_limits_is_refused():
    with pytest.raises(ServiceError, match=r"--rate is 0.02; the bundle.*90 fakes, has limits for 0.05"):
        policy((0.05, 0.8, 0.2), rate=0.02)
    with pytest.raises(ServiceError, match="none: it has too few calibration images"):
        policy((0.05, None, None), rate=0.05)


def test_the_version_changes_with_all_that_an_answer_depends_on():
    base = policy((0.05, 0.8, 0.2))
    changed = [
        dataclasses.replace(base, **{name: 0.123}) for name in ("rate", "fake_above", "real_below", "prior")
    ]
    assert len({base.version, *(other.version for other in changed)}) == 5
    assert policy((0.05, 0.8, 0.2)).version == base.version


def test_the_probability_is_for_the_expected_share_of_fakes():
    assert policy((0.05, 0.8, 0.2)).probability(0.3) == 0.3
    assert policy((0.05, 0.8, 0.2), prior=0.01).probability(0.5) == pytest.approx(0.01)


def test_limits_that_can_never_be_met_are_refused():
    with pytest.raises(ServiceError, match="could never be taken; raise --queue"):
        Limits(images=32, queue=8)
    with pytest.raises(ServiceError, match="lower --max-body"):
        Limits(body=1 << 30)
