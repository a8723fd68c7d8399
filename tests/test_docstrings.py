"""numpydoc's own checks of every public name."""

import inspect

import pytest
from numpydoc.validate import validate

import skautonas
import skautonas.datasets
import skautonas.exceptions
import skautonas.space
import skautonas.strategy

# Not asked for: an extended summary, links to see also, an example for each method.
OPTIONAL = {"ES01", "SA01", "EX01"}
MODULES = [
    skautonas,
    skautonas.datasets,
    skautonas.exceptions,
    skautonas.space,
    skautonas.strategy,
]


def public_names():
    """Yield the full names of public classes, their methods, and functions."""
    for module in MODULES:
        names = getattr(module, "__all__", None) or [
            name
            for name, item in vars(module).items()
            if getattr(item, "__module__", None) == module.__name__
            and not name.startswith("_")
        ]
        for name in names:
            item = getattr(module, name)
            if not (inspect.isclass(item) or inspect.isfunction(item)):
                continue
            yield f"{module.__name__}.{name}"
            if inspect.isclass(item):
                yield from (
                    f"{module.__name__}.{name}.{method}" for method in own_methods(item)
                )


def own_methods(item):
    """Yield the public methods that a class adds; a base documents the others."""
    for method, member in vars(item).items():
        known = any(hasattr(base, method) for base in item.__mro__[1:])
        if inspect.isfunction(member) and not method.startswith("_") and not known:
            yield method


@pytest.mark.parametrize("name", sorted(set(public_names())))
def test_a_docstring_is_numpydoc(name):
    errors = validate(name)["errors"]
    assert [error for error in errors if error[0] not in OPTIONAL] == []
