import numpy as np
import pytest

from skautonas.estimation.schedule import rate_factor
from skautonas.space.recipe import SCHEDULES


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_factors_lie_between_zero_and_one_and_reach_the_peak(schedule):
    factors = rate_factor(schedule, np.linspace(0, 1, 2001))
    assert factors.min() >= 0
    assert factors.max() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle", "coslog4"])
def test_the_rate_ends_at_zero(schedule):
    assert rate_factor(schedule, np.array([1.0]))[0] == pytest.approx(0, abs=1e-9)


def test_coslog4_has_four_cycles():
    factors = rate_factor("coslog4", np.linspace(0, 1, 10001))
    peaks = np.sum((factors[1:-1] > factors[:-2]) & (factors[1:-1] >= factors[2:]))
    assert peaks == 4


def test_an_unknown_schedule_is_refused():
    with pytest.raises(ValueError, match="zigzag"):
        rate_factor("zigzag", np.zeros(1))
