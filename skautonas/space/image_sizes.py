"""What an image space offers for images of a given size: the arithmetic of maps."""

import math
from collections.abc import Sequence

# A map is never shrunk below two pixels a side.
SMALLEST_SIDE = 2
# Images are averaged down to sides in this window before anything is convolved: a
# trial on one CPU thread must stay affordable.
SHRUNK_SIDES = (48, 128)
# A linear model sees no more pixels a side.
LINEAR_SIDE = 32
# A convolution costs about (filters x side)^2: wider ones than this are not offered
# where the map can be large (48 filters at 32 pixels, 192 at 8).
WIDEST_MAP = 1536
# Offered stems by the shorter side: name -> stride, the default first.
STEMS: tuple[tuple[float, dict[str, int]], ...] = (
    (24, {"conv": 1}),
    (48, {"whiten2": 2, "stride2": 2, "patch2": 2, "conv": 1}),
    (math.inf, {"whiten4": 4, "whiten2": 2, "patch4": 4, "stride2": 2, "stride4": 4}),
)


def shrinks(sides: Sequence[int]) -> tuple[int, ...]:
    """Return the offered factors by which images are averaged down first.

    Examples
    --------
    >>> shrinks((32, 32)), shrinks((128, 128)), shrinks((224, 224))
    ((1,), (1, 2), (2, 4))
    """
    least, most = SHRUNK_SIDES
    factors = [1]
    while min(sides) / (factors[-1] * 2) >= least:
        factors.append(factors[-1] * 2)
    affordable = tuple(factor for factor in factors if max(sides) / factor <= most)
    return affordable or (factors[-1],)


def linear_shrink(sides: Sequence[int]) -> int:
    """Return the factor by which images are averaged down for a linear model.

    Examples
    --------
    >>> linear_shrink((28, 28)), linear_shrink((100, 40))
    (1, 4)
    """
    return math.ceil(max(sides) / LINEAR_SIDE)


def stems(sides: Sequence[int]) -> dict[str, int]:
    """Return the strides of the offered stems, by name."""
    return next(stems for below, stems in STEMS if min(sides) < below)


def most_stages(sides: Sequence[int]) -> int:
    """Return how many stages the smallest map allows that a stem can leave.

    Examples
    --------
    >>> most_stages((8, 8)), most_stages((28, 28)), most_stages((2, 50))
    (3, 4, 1)
    """
    side = math.ceil(min(sides) / (max(stems(sides).values()) * shrinks(sides)[-1]))
    most = 1
    while side > SMALLEST_SIDE:
        side = math.ceil(side / 2)
        most += 1
    return most


def is_affordable(widths: Sequence[int], sides: Sequence[int]) -> bool:
    """Tell whether a width is offered for each stage.

    Examples
    --------
    >>> is_affordable((48, 96, 192), (32, 32)), is_affordable((48, 96, 192), (40, 40))
    (True, False)
    """
    stride = min(stems(sides).values())
    return len(widths) <= most_stages(sides) and all(
        affordable((0, width), sides, stride * 2**stage)[-1] == width
        for stage, width in enumerate(widths)
    )


def affordable(
    filters: tuple[int, ...], sides: Sequence[int], stride: int
) -> tuple[int, ...]:
    """Return the widths to offer for a map that is ``stride`` times smaller.

    Examples
    --------
    >>> affordable((16, 32, 64), (28, 28), 1), affordable((16, 32, 64), (28, 28), 2)
    ((16, 32), (16, 32, 64))
    """
    side = math.ceil(max(sides) / shrinks(sides)[0] / stride)
    return tuple(f for f in filters if f * side <= WIDEST_MAP) or filters[:1]
