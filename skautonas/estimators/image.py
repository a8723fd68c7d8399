"""Search over models for images."""

import warnings
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skautonas.data.encoder import Encoder
from skautonas.data.images import ImageEncoder, to_inputs
from skautonas.estimators._base import BaseSearch
from skautonas.estimators._docs import document
from skautonas.estimators._tasks import SearchClassifierMixin, SearchRegressorMixin
from skautonas.exceptions import SkautonasWarning

# Pixels up to 1 are of another range than those up to this: 16 gray levels have 15.
OTHER_RANGE = 8.0
# Channels of gray images and of colours, with transparency or without.
FEW_CHANNELS = (1, 3, 4)


class _ImageSearch(BaseSearch):
    """Arrays of shape (n, height, width) or (n, height, width, channels)."""

    _maps = True

    def _check_X(self, X: Any, *, reset: bool) -> np.ndarray:
        images = to_inputs(X)["image"]
        if reset:
            self.image_shape_ = images.shape[1:]
            self._brightest = float(images.max())
            _warn_of_channels_first(images.shape)
            return images
        check_is_fitted(self, "image_shape_")
        if images.shape[1:] != self.image_shape_:
            hint = ""
            if np.shape(X) in (self.image_shape_, self.image_shape_[:2]):
                hint = " For one image pass X[None]."
            raise ValueError(
                f"X has images of shape {images.shape[1:]}, but {type(self).__name__} "
                f"is expecting images of shape {self.image_shape_} as input.{hint}"
            )
        self._warn_of_another_range(images)
        return images

    def _warn_of_another_range(self, images: np.ndarray) -> None:
        """Warn where pixels from 0 to 1 meet a model of larger ones, or the reverse."""
        if images.dtype == np.uint8 and self._brightest > 1:
            return
        low, high = sorted((self._brightest, float(images.max())))
        if 0 < low <= 1 and high >= OTHER_RANGE:
            warnings.warn(
                f"Expected pixels up to {self._brightest:g}, as in training; received "
                f"pixels up to {images.max():g}. Scale them as in training.",
                SkautonasWarning,
                stacklevel=5,
            )

    def _make_encoder(self, X: Any) -> Encoder:
        return ImageEncoder()

    def _default_space(self) -> Any:
        from skautonas.space.image import ImageSpace

        return ImageSpace()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags


def _warn_of_channels_first(shape: tuple[int, ...]) -> None:
    """Warn where the second axis seems to be that of the channels."""
    _, first, _, last = shape
    if first in FEW_CHANNELS and last not in FEW_CHANNELS:
        warnings.warn(
            "Expected images of shape (n, height, width, channels); received "
            f"X.shape={shape}, which looks like channels first. If it is, pass "
            "np.moveaxis(X, 1, -1).",
            SkautonasWarning,
            stacklevel=7,
        )


@document
class ImageSearchClassifier(SearchClassifierMixin, _ImageSearch):
    """Search a neural classifier for images.

    X is an array of shape (n, height, width) or (n, height, width, channels), of
    uint8 or floats in any range; y holds one label an image, or zeros
    and ones of a set of labels.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}
    classes_ : ndarray of shape (n_classes,)
        The labels.
    image_shape_ : tuple of int
        Height, width, channels.

    Examples
    --------
    >>> from skautonas import ImageSearchClassifier
    >>> ImageSearchClassifier(n_jobs=2)
    ImageSearchClassifier(n_jobs=2)
    """


@document
class ImageSearchRegressor(SearchRegressorMixin, _ImageSearch):
    """Search a neural regressor for images.

    X is an array of shape (n, height, width) or (n, height, width, channels), of
    uint8 or floats in any range; y holds numbers, one or more an image.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}
    image_shape_ : tuple of int
        Height, width, channels.

    Examples
    --------
    >>> from skautonas import ImageSearchRegressor
    >>> ImageSearchRegressor(refit=False)
    ImageSearchRegressor(refit=False)
    """
