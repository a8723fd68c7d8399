"""Checks of what the user of the space of texts may change."""

from collections.abc import Callable, Sequence
from typing import Any


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_size(value: Any) -> bool:
    return _is_count(value) and value > 2


def _is_window(value: Any) -> bool:
    return isinstance(value, str) and all(
        part.isdecimal() and int(part) > 0 for part in value.split("-")
    )


def _is_rate(value: Any) -> bool:
    return isinstance(value, float) and 0 <= value < 1


def _is_fraction(value: Any) -> bool:
    return isinstance(value, float) and 0 < value <= 1


RULES: Sequence[tuple[str, str, Callable[[Any], bool]]] = (
    ("vocabulary_sizes", "int above 2 (padding and unknown words count)", _is_size),
    ("ngram_vocabulary_sizes", "int above 2 (padding and unknown count)", _is_size),
    ("length_fractions", "float above 0, up to 1.0", _is_fraction),
    ("embedding_widths", "positive int", _is_count),
    ("units", "positive int", _is_count),
    ("recurrent_units", "positive int", _is_count),
    ("filters", "positive int", _is_count),
    ("kernel_sizes", "positive int", _is_count),
    ("windows", 'positive numbers of words joined by hyphens, as "2-3-4"', _is_window),
    ("heads", "positive int", _is_count),
    ("dropout_rates", "float from 0.0 to below 1.0", _is_rate),
)


def check_text_options(space: Any) -> None:
    """Raise where an option of a space of texts is empty or out of range.

    Parameters
    ----------
    space : TextSpace
        Its options are attributes of the same name.

    Raises
    ------
    ValueError
        Naming the option, and what it should hold.
    """
    for name, expected, fits in RULES:
        values = getattr(space, name)
        if not isinstance(values, tuple | list) or not values:
            raise ValueError(
                f"Expected {name} to be a tuple of {expected}; received {values!r}. "
                "Pass at least one value, as in (value,)."
            )
        wrong = [value for value in values if not fits(value)]
        if wrong:
            raise ValueError(
                f"Expected {name} to hold {expected}; received {wrong[0]!r}. Leave it "
                "out, or correct it."
            )
    if max(space.heads) > min(space.embedding_widths):
        raise ValueError(
            "Expected at most as many heads as the smallest embedding width; "
            f"received heads={space.heads}, embedding_widths="
            f"{space.embedding_widths}. Pass fewer heads or wider embeddings."
        )
