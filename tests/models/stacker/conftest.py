"""Stackers that several tests look at, trained once."""

import pytest

from models.stacker.training import fit
from tests.models.stacker.drawn_tables import LOGITS, OPTIONS, kinds_table, table


@pytest.fixture(scope="session")
def fitted():
    features, target, groups = table()
    stacker = fit(features, target, groups, logits=LOGITS, options=OPTIONS)
    return stacker, features, target, groups


@pytest.fixture(scope="session")
def experts():
    features, target, groups, kinds = kinds_table()
    return fit(features, target, groups, kinds=kinds, logits=LOGITS, options=OPTIONS)
