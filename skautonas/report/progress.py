"""One line a finished trial."""

from skautonas.search.trial import Trial

# What tells candidates apart at a glance; the leaderboard has everything.
SHOWN = (
    "architecture",
    "encoder",
    "stages",
    "stage1/block1/kind",
    "augmentation",
    "recipe/optimizer",
)


def print_trial(trial: Trial, leads: bool) -> None:
    """Print number, score, time and the main choices of a finished trial."""
    outcome = trial.outcome
    seconds = outcome.seconds.total
    if outcome.status == "failed":
        result = f"failed: {outcome.error}"
    else:
        result = f"{outcome.score:.4f}{' *' if leads else ''}"
    values = trial.task.values
    shown = [f"{name}={values[name]}" for name in SHOWN if name in values]
    say(
        f"[{trial.finished_at:6.1f} s] trial {trial.number:3d}  {result}  "
        f"({seconds:.1f} s, {outcome.epochs:.0f} epochs)  {' '.join(shown)}"
    )


def say(line: str) -> None:
    """Print a line at once, so that a pipe shows it too."""
    print(line, flush=True)  # noqa: T201 - what `verbose` is for
