"""Images to arrays: checks, pixel statistics, and the tensor that a model takes."""

import inspect
from collections.abc import Iterator, Sequence
from copy import copy
from typing import Any, Self

import numpy as np

from skautonas.data.encoder import Arrays
from skautonas.data.facts import ImageFacts, Task, TensorSpec

# Pixels that are widened to float64 at a time: 32 MiB, whatever the data's size.
CHUNK_PIXELS = 4_194_304
# Below this part of the mean, a deviation is rounding and the channel is constant.
CONSTANT_TOLERANCE = 1e-6
# The square of a smaller deviation would be no float32.
LEAST_DEVIATION = 1e-18


def to_inputs(X: object, shape: tuple | None = None) -> dict:
    """Return {"image": array of shape (n, h, w, c)}: uint8 as it is, else float32.

    ``shape`` is the (h, w, c) that the model was fitted on; None accepts any.
    """
    import math

    import numpy as np

    try:
        images = np.asarray(X)
        if images.dtype == object and images.ndim:
            images = np.stack([np.asarray(image) for image in images])
    except ValueError as error:
        raise ValueError(
            "Expected images of one size, of shape (n, h, w[, c]); received images "
            "of different sizes. Resize or crop them to one size first."
        ) from error
    if images.dtype.kind not in "buif":
        raise ValueError(
            f"Expected images of integers, floats or booleans; received dtype "
            f"{images.dtype}. Pass decoded pixels, not file names or objects."
        )
    if images.ndim not in (3, 4):
        mend = (
            "Pass one array of images with the rows on the first axis; X[None] of one."
        )
        if images.ndim == 2:
            side = math.isqrt(images.shape[1])
            sides = f"{side}, {side}" if side**2 == images.shape[1] else "h, w[, c]"
            mend = f"Reshape them, e.g. X.reshape(-1, {sides}); X[None] of one image."
        raise ValueError(
            "Expected images of shape (n, h, w[, c]); received "
            f"X.shape={images.shape}. {mend}"
        )
    images = images.reshape(*images.shape[:3], -1) if images.size else images
    if 0 in images.shape:
        raise ValueError(
            "Expected at least one image with at least one pixel; received "
            f"X.shape={images.shape}. Pass the rows that you want to use."
        )
    if shape is not None and images.shape[1:] != tuple(shape):
        raise ValueError(
            f"Expected images of shape {tuple(shape)} (h, w, c), as in training; "
            f"received {images.shape[1:]}. Resize or convert them."
        )
    if images.dtype != np.uint8:
        with np.errstate(over="ignore"):
            images = images.astype(np.float32)
        if not np.isfinite(images).all():
            raise ValueError(
                "Expected finite pixels; received NaN, infinity or a value too large "
                "for float32. Replace them, e.g. with np.nan_to_num(X)."
            )
    return {"image": images}


class ImageEncoder:
    """Encoder of images: learns the pixel statistics, passes the pixels through.

    The encoding is the identity; normalisation belongs to the core model. A uint8
    array stays uint8, so that the images take a quarter of the memory.

    Attributes
    ----------
    shape_ : tuple of int
        Height, width and channels of the fitted images.
    mean_, std_ : tuple of float
        Per channel, over the training rows, in the unit of the pixels; the
        deviation of a constant channel is 1.
    natural_ : bool
        Whether they are photographs: of three channels that differ somewhere.

    Examples
    --------
    >>> import numpy as np
    >>> encoder = ImageEncoder().fit(np.full((10, 8, 8), 3, dtype=np.uint8))
    >>> encoder.shape_, encoder.mean_, encoder.std_
    ((8, 8, 1), (3.0,), (1.0,))
    >>> encoder.to_inputs(np.zeros((2, 8, 8)))["image"].shape
    (2, 8, 8, 1)
    """

    shape_: tuple[int, int, int]
    mean_: tuple[float, ...]
    std_: tuple[float, ...]
    natural_: bool

    def fit(self, X: Any) -> Self:
        """Learn size and pixel statistics of the training rows.

        Parameters
        ----------
        X : array-like of shape (n, h, w) or (n, h, w, c)
            Images of one size; integers, floats or booleans in any range.

        Returns
        -------
        self : ImageEncoder
            The fitted encoder.

        Raises
        ------
        ValueError
            Where X is not a stack of images of one size with finite pixels.
        """
        images = to_inputs(X)["image"]
        mean = _chunked_mean(images, np.zeros(images.shape[-1]), power=1)
        std = np.sqrt(_chunked_mean(images, mean, power=2))
        least = np.maximum(CONSTANT_TOLERANCE * np.abs(mean), LEAST_DEVIATION)
        std[std <= least] = 1.0
        self.shape_ = images.shape[1:]
        self.mean_ = tuple(mean.tolist())
        self.std_ = tuple(std.tolist())
        # Digits and letters may come with three channels, which are all the same.
        self.natural_ = images.shape[-1] == 3 and not all(
            (chunk == chunk[..., :1]).all() for chunk in _chunks(images)
        )
        return self

    def with_room_for(self, others: Sequence[Self]) -> Self:
        """Return an encoder of photographs where one of others is of them."""
        alike = copy(self)
        alike.natural_ = any(other.natural_ for other in others)
        return alike

    def facts(self, *, task: Task, n_outputs: int, n_rows: int) -> ImageFacts:
        """Return what an image space must know of the data.

        Parameters
        ----------
        task : {"classification", "multilabel", "regression"}
            What the model predicts.
        n_outputs : int
            Number of classes, or of target columns.
        n_rows : int
            Number of training rows.

        Returns
        -------
        facts : ImageFacts
            With one input, "image".
        """
        return ImageFacts(
            task=task,
            n_outputs=n_outputs,
            n_rows=n_rows,
            inputs={"image": TensorSpec(self.shape_, "float32")},
            mean=self.mean_,
            std=self.std_,
            natural=self.natural_,
        )

    def to_inputs(self, X: Any) -> Arrays:
        """Return {"image": array of shape (n, h, w, c)} for images as fitted.

        Raises
        ------
        ValueError
            Where X is not a stack of images of the fitted size and channels.
        """
        return to_inputs(X, self.shape_)

    def preprocessing(self) -> Any:
        """Return the identity as a Keras model from {"image"} to {"image"}."""
        import keras

        image = keras.Input(self.shape_, dtype="float32", name="image")
        return keras.Model({"image": image}, {"image": image}, name="preprocessing")

    def snippet(self) -> str:
        """Return Python source that defines ``to_inputs(X)`` with numpy alone."""
        source = inspect.getsource(to_inputs)
        source = source.replace("def to_inputs(", "def image_inputs(", 1)
        return (
            f"{source}\n\ndef to_inputs(X):\n"
            f"    return image_inputs(X, {self.shape_})\n"
        )


def _chunked_mean(images: np.ndarray, center: np.ndarray, power: int) -> np.ndarray:
    """Return the mean per channel of (pixel - center) ** power, in float64."""
    total = np.zeros(images.shape[-1])
    for chunk in _chunks(images):
        widened = chunk.astype(np.float64)
        total += ((widened - center) ** power).sum(axis=(0, 1, 2))
    return total / (images.size / images.shape[-1])


def _chunks(images: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the images a few at a time."""
    rows = max(1, CHUNK_PIXELS // images[0].size)
    for start in range(0, len(images), rows):
        yield images[start : start + rows]
