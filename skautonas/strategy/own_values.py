"""What oracles add to a configuration for their own use."""

from collections.abc import Mapping
from typing import Any

from skautonas.space.base import Configuration

# Their names. KerasTuner's are the epochs until which a trial trains, those behind it,
# and the trial it goes on with.
OWN_PREFIX = "tuner/"
EPOCHS, INITIAL_EPOCH, PARENT = (
    OWN_PREFIX + name for name in ("epochs", "initial_epoch", "trial_id")
)


def split_values(values: Mapping[str, Any]) -> tuple[Configuration, dict[str, Any]]:
    """Return the configuration among the values of a trial, and what was added."""
    own = {k: v for k, v in values.items() if k.startswith(OWN_PREFIX)}
    return {k: v for k, v in values.items() if k not in own}, own


def configuration_key(values: Mapping[str, Any]) -> frozenset:
    """Return what trials of one configuration have in common, at any fidelity."""
    return frozenset(split_values(values)[0].items())
