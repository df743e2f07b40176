"""Stackers that several tests look at, trained once."""

import pytest

from models.stacker.training import fit
from tests.models.stacker.drawn_tables import OPTIONS, RISING, kinds_table, table


@pytest.fixture(scope="session")
def fitted():
    features, target, groups = table()
    stacker = fit(features, target, groups, rising=RISING, options=OPTIONS)
    return stacker, features, target, groups


@pytest.fixture(scope="session")
def experts():
    features, target, groups, kinds = kinds_table()
    return fit(features, target, groups, kinds=kinds, rising=RISING, options=OPTIONS)
