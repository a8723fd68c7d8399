"""The contracts of a search strategy that is saved, loaded and tried again."""

import tempfile
from itertools import zip_longest
from typing import Any

from skautonas._compat import silence_oracle
from skautonas.testing.search import Factory, Search, large_space, small_space, truth


def check_reload(factory: Factory) -> None:
    """Go on as it would have, saved and loaded after any number of trials."""

    def score(values: dict[str, Any]) -> float | None:
        return None if values["kind"] == "c" else truth(values)

    for count in (0, 1, 5, 12, 20):
        with tempfile.TemporaryDirectory() as folder:
            search, other = (
                Search(factory, large_space(), 60, score=score, folder=folder)
                for _ in range(2)
            )
            search.run(count, 2)
            if count == 0:  # else it saved itself
                search.oracle.save()
            other.oracle.reload()
        silence_oracle(search.oracle)
        silence_oracle(other.oracle)
        expected = search.run(count + 10).tried[count:]
        received = other.run(10).tried
        for one, other_one in zip_longest(received, expected):
            assert one == other_one, (
                f"loaded after {count} trials it tries {one} in place of {other_one}"
            )


def check_reload_while_running(factory: Factory) -> None:
    """Trials that ran when it was saved are tried again, and it goes on after them."""
    with tempfile.TemporaryDirectory() as folder:
        search, other = (
            Search(factory, small_space(), 500, folder=folder) for _ in range(2)
        )
        search.run(5, 2)
        for _ in range(3):
            search.ask()
        search.oracle.save()
        other.oracle.reload()
        other.run(60)
    again = {
        frozenset(trial.hyperparameters.values.items()) for trial in search.running
    }
    first = {frozenset(values.items()) for values in other.tried[:3]}
    assert first == again, "what ran when it was saved is not what is tried first"
    attempts = search.attempts[:5] + other.attempts
    assert len(set(attempts)) == len(attempts), (
        "loaded while trials ran, it tries again what was tried"
    )
    n_tried = len(set(search.configurations[:5] + other.configurations))
    assert n_tried == 20, f"loaded while trials ran, it tries {n_tried} of 20"


def check_retries(factory: Factory) -> None:
    """Try at once again what is to be tried again, and count it once."""
    search = Search(factory, large_space(), 6, score=truth)
    search.oracle.max_retries_per_trial = 1
    search.ask()
    (trial,) = search.running
    trial.status = "INVALID"
    search.oracle.end_trial(trial)
    again = search.oracle.create_trial("another")
    assert again.trial_id == trial.trial_id, "what is to be tried again is not the next"
    search.running[:] = [again]
    search.run(100)
    assert len(search.tried) == 6, f"{len(search.tried)} trials in place of 6"
    assert len(search.oracle.end_order) == 6, (
        f"{len(search.oracle.end_order)} trials ended, of 6"
    )
