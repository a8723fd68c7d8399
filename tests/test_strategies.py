"""Every strategy keeps the contracts that `skautonas.testing` checks."""

import pytest

from skautonas.strategy import (
    STRATEGIES,
    DuplicateFilter,
    EvolutionOracle,
    FeasibilityFilter,
    MedianStopping,
    RandomFallback,
    make,
)
from skautonas.testing import check_strategy
from skautonas.testing.strategies import CHECKS

# The generator of a sampler of Optuna's is its own, and is not saved.
EXPECTED_TO_FAIL = {("optuna", "check_reload")}

NAMES = sorted(set(STRATEGIES) - {"auto"})


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", NAMES)
def test_a_strategy_keeps_its_contracts(name, check):
    def factory(**options):
        return make(name, **options)

    if (name, check) in EXPECTED_TO_FAIL:
        with pytest.raises(AssertionError):
            CHECKS[check](factory)
    else:
        CHECKS[check](factory)


def test_a_wrapped_strategy_keeps_its_contracts():
    def factory(**options):
        inner = FeasibilityFilter(EvolutionOracle(**options), lambda values: True)
        return MedianStopping(RandomFallback(DuplicateFilter(inner)))

    check_strategy(factory)
