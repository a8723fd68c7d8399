"""The demo: ``python -m skautonas demo``."""

import argparse
import time

DEMO_SECONDS = 45.0
SHOWN_ROWS = 10


def demo() -> None:
    """Search a classifier for scikit-learn's digits, and export it."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    from skautonas import ImageSearchClassifier

    digits = load_digits()
    X_train, X_test, y_train, y_test = train_test_split(
        digits.images, digits.target, stratify=digits.target, random_state=0
    )
    start = time.monotonic()
    search = ImageSearchClassifier(
        time_budget=DEMO_SECONDS, n_jobs=-1, random_state=0, verbose=1
    )
    search.fit(X_train, y_train)
    print(f"\nleaderboard, best of {search.n_trials_} trials first")
    print_leaderboard(search)
    path = search.export_model("best.keras")
    print(f"\naccuracy on {len(y_test)} held-out digits: ", end="")
    print(f"{search.score(X_test, y_test):.4f}")
    print(f"fit took {time.monotonic() - start:.1f} s")
    print(f"saved {path.resolve()} and {path.with_suffix('.md').name} beside it")


def print_leaderboard(search: object) -> None:
    """Print the best rows with the columns that fit a terminal."""
    from skautonas.report.trials import leaderboard_rows

    columns = ("trial", "score", "status", "seconds", "epochs", "parameters")
    print("  ".join(f"{name:>10}" for name in columns))
    for row in leaderboard_rows(search.trials_)[:SHOWN_ROWS]:  # type: ignore[attr-defined]
        cells = [row[name] for name in columns]
        print(
            "  ".join(
                f"{cell:>10.4f}" if isinstance(cell, float) else f"{cell!s:>10}"
                for cell in cells
            )
        )


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m skautonas", description=__doc__)
    parser.add_argument("command", choices=["demo"], help="search models for digits")
    parser.parse_args()
    demo()


if __name__ == "__main__":
    main()
