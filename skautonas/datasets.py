"""Real texts that come with the dependencies, for examples and tests."""

import importlib
import inspect
from types import ModuleType

import numpy as np

LIBRARIES = {
    "numpy": ("numpy", "numpy.fft", "numpy.linalg", "numpy.ma", "numpy.polynomial"),
    "scipy": (
        "scipy.integrate",
        "scipy.linalg",
        "scipy.optimize",
        "scipy.signal",
        "scipy.spatial",
        "scipy.special",
        "scipy.stats",
    ),
    "sklearn": (
        "sklearn.cluster",
        "sklearn.datasets",
        "sklearn.decomposition",
        "sklearn.ensemble",
        "sklearn.linear_model",
        "sklearn.metrics",
        "sklearn.model_selection",
        "sklearn.preprocessing",
        "sklearn.utils",
    ),
}
MIN_WORDS = 10
MAX_WORDS = 200


def load_docstrings() -> tuple[list[str], np.ndarray]:
    """Return docstrings of numpy, scipy and scikit-learn, and where each is from.

    Of each public function and class, the text before its examples, at most 200
    words of it; texts that two libraries share are left out. They are sorted by
    library.

    Returns
    -------
    texts : list of str
        The docstrings.
    libraries : ndarray of str
        "numpy", "scipy" or "sklearn", one a text.

    Examples
    --------
    >>> texts, libraries = load_docstrings()
    >>> sorted(set(libraries.tolist()))
    ['numpy', 'scipy', 'sklearn']
    """
    owners: dict[str, set[str]] = {}
    for library, names in LIBRARIES.items():
        for name in names:
            for text in _docstrings(importlib.import_module(name), library):
                owners.setdefault(text, set()).add(library)
    pairs = [(text, libs.pop()) for text, libs in owners.items() if len(libs) == 1]
    texts, libraries = zip(*pairs, strict=True)
    return list(texts), np.array(libraries)


def _docstrings(module: ModuleType, library: str) -> list[str]:
    texts = []
    for name in sorted(dir(module)):
        member = getattr(module, name, None)
        owner = getattr(member, "__module__", None) or library
        if name.startswith("_") or not callable(member):
            continue
        if not owner.startswith(library):
            continue
        words = (inspect.getdoc(member) or "").split("Examples\n---")[0].split()
        if len(words) >= MIN_WORDS:
            texts.append(" ".join(words[:MAX_WORDS]))
    return texts
