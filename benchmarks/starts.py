"""Single configurations, each trained alone: what a start is worth, and its seconds.

Run: ``SKAUTONAS_DATA=... python benchmarks/starts.py cifar10_12k --epochs 4``. Those of
the space are trained, or with ``--starts`` the configurations by name in a JSON file;
what they leave out has its default. There is no limit of time and no refit: the score
is that of the model that was validated, on rows of the training part (from which
defaults are chosen) and, with ``--test``, on those that test.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import problems
from ours import SCORINGS


def make(problem, start, epochs, seed):
    """Return a search of one trial."""
    import skautonas
    from skautonas import space as spaces

    kind = "Regressor" if problem.task == "regression" else "Classifier"
    space = getattr(spaces, f"{problem.modality.title()}Space")()
    return getattr(skautonas, f"{problem.modality.title()}Search{kind}")(
        space=space.with_starts([start]),
        time_budget=None,
        max_trials=1,
        max_epochs=epochs,
        refit=False,
        random_state=seed,
        scoring=SCORINGS.get(problem.scoring),
    )


def known_starts(problem, X, y):
    """Return the starts of the space for these rows, by number."""
    from skautonas._files import temporary_folder
    from skautonas.data.rows import Rows
    from skautonas.estimation.scoring import make_scorer
    from skautonas.estimators._study import make_study

    search = make(problem, {}, None, 0)
    search.set_params(space="auto")
    search.scorer_ = make_scorer(search.scoring or search._default_scoring)
    with temporary_folder() as folder:
        rows = Rows(search._check_X(X, reset=True), search._check_y(y))
        study = make_study(search, rows, rows, None, 0, str(folder))
        return {str(i): start for i, start in enumerate(study.whole.source.starts)}


def measure(name, starts, epochs, n_rows, number, with_test):
    """Train each start on a split, and print a row of it."""
    problem = problems.problem(name)
    train_X, test_X, train_y, test_y = problems.parts(name, number)
    rows = np.arange(min(len(train_y), n_rows or len(train_y)))
    train_X, train_y = problems.take(train_X, rows), train_y[rows]
    for label, start in (starts or known_starts(problem, train_X, train_y)).items():
        search = make(problem, start, epochs, number).fit(train_X, train_y)
        trial = search.trials_[0]
        test = f" {search.score(test_X, test_y):.4f} |" if with_test else ""
        print(
            f"| {name} | {number} | {label} | {search.best_score_:.4f} |{test} "
            f"{trial.seconds:.1f} | {trial.epochs:.0f} | {trial.best_epoch:.0f} |",
            flush=True,
        )


def main():
    """Parse the command line, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+")
    parser.add_argument("--starts", type=Path, help="JSON file")
    parser.add_argument("--epochs", type=int, help="most epochs")
    parser.add_argument("--rows", type=int, help="most rows to learn from")
    parser.add_argument("--splits", type=int, default=1)
    parser.add_argument("--test", action="store_true", help="score the other rows too")
    arguments = parser.parse_args()
    starts = json.loads(arguments.starts.read_text()) if arguments.starts else None
    test = " test |" if arguments.test else ""
    print(f"| set | split | start | validation |{test} seconds | epochs | best |")
    print("|" + "---|" * (8 if arguments.test else 7))
    for name in arguments.sets:
        for number in range(arguments.splits):
            measure(
                name,
                starts,
                arguments.epochs,
                arguments.rows,
                number,
                arguments.test,
            )


if __name__ == "__main__":
    main()
