"""What a build must know about the data and hyperparameters cannot say."""

from dataclasses import dataclass
from typing import Literal

Task = Literal["classification", "multilabel", "regression"]


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Shape (without the batch axis) and dtype of one encoded array."""

    shape: tuple[int, ...]
    dtype: str


def bag_specs(name: str, n_terms: int) -> dict[str, TensorSpec]:
    """Return the arrays of bags that hold so many terms a row: ids and weights."""
    return {
        name: TensorSpec((n_terms,), "int32"),
        f"{name}_weights": TensorSpec((n_terms,), "float32"),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Facts of the encoded training data.

    Parameters
    ----------
    task : {"classification", "multilabel", "regression"}
        What the model predicts: one class, a set of labels, or values.
    n_outputs : int
        Number of classes, of labels, or of target columns.
    n_rows : int
        Number of rows that train a trial.
    inputs : dict of str to TensorSpec
        The encoded arrays that the core model takes, by name.
    proper_score : bool, default=False
        Whether the objective is a proper scoring rule, such as the log-loss: label
        smoothing moves probabilities away from what it asks for.
    """

    task: Task
    n_outputs: int
    n_rows: int
    inputs: dict[str, TensorSpec]
    proper_score: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts(Facts):
    """Facts of images: pixel statistics per channel, of the training rows.

    ``mean`` and ``std`` hold one float a channel, in the unit of the raw pixels.
    ``natural`` says whether the images are photographs (three channels, not the same),
    whose mirror image still shows the same thing; digits and letters are not.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    natural: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFacts(Facts):
    """Facts of texts: sizes of the vocabularies, and of texts.

    ``words`` has ids 0 (padding), 1 (unknown), then the ``n_words`` - 2 known
    words by falling frequency. ``bags`` has the number of ids of each bag, likewise:
    of ``ngrams`` of words, and of ``characters`` where there is one. A text has
    ``median_words`` words.
    """

    n_words: int
    median_words: float
    bags: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class TabularFacts(Facts):
    """Facts of a table: columns by kind.

    ``cardinalities`` holds for each categorical column the number of its ids: 0
    for missing, 1 for unknown, then the levels seen in training. ``n_ngrams`` is the
    number of ids of the n-grams of all columns of free text; 0 without such columns.
    """

    n_numeric: int
    n_missing: int
    cardinalities: tuple[int, ...]
    n_ngrams: int
