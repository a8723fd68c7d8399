"""What a study is about, in names that a person can compare."""

import ast
import hashlib
import inspect
import platform
import textwrap
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from inspect import isfunction
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any

import keras_tuner

from skautonas.data.digest import LENGTH, digest
from skautonas.data.rows import Rows
from skautonas.estimation.study import RAW, TARGETS, WEIGHTS

if TYPE_CHECKING:
    from skautonas.estimation.study import Fold, Study
    from skautonas.estimators._base import BaseSearch

PACKAGES = ("skautonas", "keras", "tensorflow", "keras-tuner", "scikit-learn", "numpy")


def versions() -> dict[str, str]:
    """Return the versions that a search runs on."""
    return {"python": platform.python_version()} | {p: version(p) for p in PACKAGES}


def fingerprint(
    search: "BaseSearch",
    study: "Study",
    rows: Rows,
    validation: Rows | None,
    seeds: tuple[int, int],
) -> dict[str, str]:
    """Return what must be the same for a search to go on, by name.

    Parameters
    ----------
    search : BaseSearch
        Estimator, for its parameters.
    study : Study
        Has the space, bound to the data, and the splits.
    rows, validation : Rows
        What the user passed.
    seeds : (int, int)
        Of the splits and of the search.
    """
    return {
        "estimator": type(search).__name__,
        "data": digest(rows.X),
        "labels": digest(rows.y),
        "weights": _digest_or_none(rows.weights),
        "class_weight": str(getattr(search, "class_weight", None)),
        "validation rows": "none"
        if validation is None
        else " ".join((digest(validation.X), digest(validation.y))),
        "space": _describe(search.space),
        "strategy": _describe(search.strategy),
        "metric": _describe(search.scoring or search._default_scoring),
        "source": " ".join(map(_source, _written(search))),
        "seed": "none" if search.random_state is None else f"{seeds[0]} {seeds[1]}",
        "max_epochs": str(search.max_epochs),
        "splits": " ".join(_digest_fold(fold) for fold in study.folds),
    }


def _written(search: "BaseSearch") -> list[Any]:
    """Return what a user may have written; of a strategy a factory alone."""
    factory = search.strategy if isfunction(search.strategy) else None
    return [search.space, search.scoring, factory]


def _digest_or_none(array: Any) -> str:
    return "none" if array is None else digest(array)


def _digest_fold(fold: "Fold") -> str:
    """Return the digest of a fold's rows, in their order, and of which train."""
    state = hashlib.blake2b(f"{fold.n_rows}".encode(), digest_size=LENGTH // 2)
    folder = Path(fold.folder)
    files = [*(folder / RAW).iterdir(), folder / TARGETS, folder / WEIGHTS]
    for file in sorted(file for file in files if file.exists()):
        with file.open("rb") as content:
            state.update(hashlib.file_digest(content, "blake2b").digest())
    return state.hexdigest()


def _describe(value: Any) -> str:
    """Return what tells a space, strategy or scorer from another, in any process."""
    if isinstance(value, str):
        return value
    if hasattr(value, "__qualname__"):
        return value.__qualname__
    if isinstance(value, keras_tuner.Oracle):
        # What is private, or in place of a method, is no option.
        public = {
            name: option
            for name, option in vars(value).items()
            if name[0] != "_" and not callable(getattr(type(value), name, None))
        }
        options = {
            name: option
            for name, option in _plain(public).items()
            if "seed" not in name and name != "max_trials"  # the estimator's count
        }
        said = [digest([_code(f)]) for f in public.values() if isfunction(f)]
        around = [_describe(value.oracle)] if hasattr(value, "oracle") else []
        return " ".join([type(value).__name__, str(options), *said, *around])
    text = repr(value)
    return type(value).__name__ if " at 0x" in text else text


def _source(value: Any) -> str:
    """Return a digest of what a user's function, or an object of theirs, says itself.

    Comments and layout do not count, nor what it calls.
    """
    if hasattr(value, "__qualname__"):
        return digest([_code(value)])
    attributes = getattr(value, "__dict__", {})
    said = [_code(f) for f in attributes.values() if isfunction(f)]
    if " at 0x" in repr(value):
        said += [_code(type(value)), str(_plain(attributes))]
    return digest(said) if said else "none"


def _code(value: Any) -> str:
    """Return what a function or class says, and a function encloses."""
    try:
        code = textwrap.dedent(inspect.getsource(value))
    except (OSError, TypeError):  # it was typed in, or is compiled
        code = _byte_code(value)
    with suppress(SyntaxError):  # a function without name amid its line
        code = ast.unparse(ast.parse(code))
    around = (
        _plain(inspect.getclosurevars(value).nonlocals) if isfunction(value) else ""
    )
    return f"{code} {around}"


def _byte_code(value: Any) -> str:
    code = getattr(value, "__code__", None)
    if code is None:
        return ""
    constants = [c for c in code.co_consts if not isinstance(c, CodeType)]
    return f"{code.co_code.hex()} {constants} {code.co_names}"


def _plain(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of some attributes that are numbers or strings, by name."""
    plain = (int, float, str, bool)
    return {n: v for n, v in sorted(attributes.items()) if isinstance(v, plain)}
