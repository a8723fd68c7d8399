"""The contracts of a search strategy, as a check that anybody may run on theirs."""

from collections.abc import Mapping

from skautonas.testing.contracts import CHECKS
from skautonas.testing.search import Factory, Search, small_space


def check_strategy(
    factory: Factory, expected_failed_checks: Mapping[str, str] | None = None
) -> None:
    """Check that an oracle keeps all contracts of a strategy.

    Parameters
    ----------
    factory : callable
        ``factory(objective=, hyperparameters=, max_trials=, seed=)`` returns a fresh
        `keras_tuner.Oracle`; a class of oracles does.
    expected_failed_checks : mapping of str to str, optional
        Checks that are known to fail, with reasons.

    Raises
    ------
    AssertionError
        Where a check fails that was not expected to, or the other way round. It names
        all of them.
    TypeError
        Where the factory is no function, or returns no oracle.

    Notes
    -----
    How good what it finds is, it does not tell.
    """
    expected = dict(expected_failed_checks or {})
    unknown = set(expected) - set(CHECKS)
    if unknown:
        raise ValueError(
            f"Expected names of checks, of {sorted(CHECKS)}; received "
            f"{sorted(unknown)}."
        )
    if not callable(factory):
        raise TypeError(
            "Expected a class of oracles, or a function that returns a fresh one; "
            f"received {factory!r}."
        )
    Search(factory, small_space(), 1)  # or each check would say that it is none
    failed = {}
    # By what is said: one mistake may fail them all.
    names_by_error: dict[str, list[str]] = {}
    for name, check in CHECKS.items():
        try:
            check(factory)
        except Exception as error:
            failed[name] = error
            if name not in expected:
                said = f"{type(error).__name__}: {error}"
                names_by_error.setdefault(said, []).append(name)
    problems = [f"{', '.join(names)}: {said}" for said, names in names_by_error.items()]
    problems += [
        f"{name}: passes, though it was expected to fail ({expected[name]})"
        for name in expected
        if name not in failed
    ]
    if problems:
        raise AssertionError("\n".join(problems)) from next(iter(failed.values()), None)
