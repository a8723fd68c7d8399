"""From the best trials of a search to the archive of the final model."""

import math
import uuid
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from skautonas.estimation.evaluate import evaluate
from skautonas.estimation.finish import assemble
from skautonas.estimation.selection import Selection, select
from skautonas.estimation.task import WRITE_SECONDS, Member, TrialOutcome
from skautonas.exceptions import (
    DamagedFileError,
    SearchFailedError,
    SkautonasWarning,
)
from skautonas.search.budget import (
    FINISH_SECONDS,
    MAX_COLD_START,
    NEEDED_SECONDS,
    Budget,
)
from skautonas.search.executor import LocalExecutor, result_within
from skautonas.search.final_model import FinalModel
from skautonas.search.finalists import (
    FINAL_SHARE,
    MOST_FINALISTS,
    again_seconds,
    finalists,
    winner_of,
)
from skautonas.search.interrupt import Interrupt
from skautonas.search.reevaluation import reevaluate
from skautonas.search.refits import Refitter
from skautonas.search.rules import Rules
from skautonas.search.trial import Trial

# What the expected score of the best trial may take.
SELECT_SECONDS = 1.0


class Finisher:
    """Makes the final model.

    Parameters
    ----------
    rules : Rules
        Refits, members of an ensemble, and whether the best trials are scored again.
    executor : LocalExecutor
        Warm workers.
    budget : Budget
        Time that is left.
    folder : Path
        Where the files of trials are.
    interrupt : Interrupt
        Tells whether to leave the refits.
    """

    def __init__(
        self,
        rules: Rules,
        executor: LocalExecutor,
        budget: Budget,
        folder: Path,
        interrupt: Interrupt,
    ) -> None:
        self.rules = rules
        self.executor = executor
        self.budget = budget
        self.folder = folder
        self.interrupt = interrupt
        self.refitter = Refitter(rules, executor, budget, folder, interrupt)

    def finish(self, winner: Trial, compared: Sequence[Trial]) -> FinalModel:
        """Refit the best trials on all rows, or put their own models together.

        Parameters
        ----------
        winner : Trial
            The best one.
        compared : sequence of Trial
            All that it was chosen from, best first.

        Raises
        ------
        SearchFailedError
            Where there is no model in the end.
        """
        trials = {trial.number: trial for trial in compared}
        fresh = self._fresh_scores(winner, compared)
        winner = winner_of(compared, fresh) if fresh else winner
        size = self.rules.ensemble_size
        selection = self._selection(winner, compared, size)
        chosen, score = selection.members, selection.score
        again = [trials[member.task.number] for member in chosen]
        refits, failure = self.refitter.refit(again, chosen)
        # Members of fewer or more rows would not be those that were chosen together.
        refitted = len(refits) == len(chosen)
        members = refits if refitted else list(chosen)
        try:
            archive = self._assembled(members, on_whole=refitted)
        except DamagedFileError:
            members, refitted = [self._train_again(winner)], False
            archive = self._assembled(members, on_whole=False)
            if len(chosen) > 1:
                score = self._selection(winner, compared, 1).score
        for member in refits:
            Path(member.variables).unlink(missing_ok=True)
        return FinalModel(
            archive,
            tuple((member.task.number, member.weight) for member in members),
            score,
            refitted=refitted,
            refit_error=failure,
            reevaluated=tuple(fresh.items()),
        )

    def _fresh_scores(
        self, winner: Trial, compared: Sequence[Trial]
    ) -> dict[int, float]:
        """Return how the best trials do on a fresh split, where there is time."""
        budget, rules = self.budget, self.rules
        if not rules.has_finals or budget.seconds is None:
            return {}

        def refit_seconds(trial: Trial) -> float:
            return trial.refit_seconds(rules.refit_share, rules.relief)

        left = budget.left() - FINISH_SECONDS
        seconds = min(FINAL_SHARE * budget.seconds, left - refit_seconds(winner))
        # One that could not be refitted then would win for nothing.
        longest = max(left - seconds, refit_seconds(winner))
        # Of others, the weights may be deleted already.
        best = compared[:MOST_FINALISTS]
        able = [trial for trial in best if refit_seconds(trial) <= longest]
        chosen = finalists(able, seconds, rules.refits_at_once)
        if not chosen or self.interrupt.requested:
            return {}
        return reevaluate(chosen, self.executor, seconds, self.interrupt)

    def _selection(
        self, winner: Trial, compared: Sequence[Trial], size: int
    ) -> Selection:
        """Return the members of the model, ``size`` at most, and the expected score."""
        alone = _member(winner, winner.outcome)
        if len(compared) == 1:
            return Selection((alone,), winner.score)
        trials = [_member(trial, trial.outcome) for trial in compared]
        seconds = SELECT_SECONDS if self.budget.limited else math.inf
        future = self.executor.submit(
            select, alone, trials, size, winner.score, seconds
        )
        longest = max(self.budget.left(), NEEDED_SECONDS)
        try:
            return result_within(self.executor, future, longest, "There was no time.")
        except Exception as error:
            warnings.warn(
                "The finished trials could not be compared, so that the model is that "
                "of the best one, and best_score_ as it was validated "
                f"({type(error).__name__}: {error}).",
                SkautonasWarning,
                stacklevel=2,
            )
            return Selection((alone,), winner.score)

    def _assembled(self, members: Sequence[Member], on_whole: bool) -> bytes:
        """Return the archive of the members' models, put together."""
        path = self.folder / f"final-{uuid.uuid4().hex}.keras"
        future = self.executor.submit(assemble, members, on_whole, str(path))
        longest = max(self.budget.left(), MAX_COLD_START + NEEDED_SECONDS)
        overdue = (
            f"The model was not built and saved after {longest:.0f} s. Raise "
            "time_budget, or build faster."
        )
        result_within(self.executor, future, longest, overdue)
        content = path.read_bytes()
        path.unlink()
        return content

    def _train_again(self, winner: Trial) -> Member:
        """Train the winner as before, as the file of its weights is damaged."""
        # In the time that it had, so that its schedule is as long.
        attempt = winner.task.attempt + 1
        had = again_seconds(winner)
        limit = None if winner.task.seconds is None else had + WRITE_SECONDS
        task = replace(
            winner.task,
            attempt=attempt,
            states=(),
            least_share=0.0,
            seconds=limit,
            asked_at=None,
        )
        seconds = MAX_COLD_START + 2 * had + NEEDED_SECONDS
        overdue = (
            f"The winner's weights were damaged; to train it took over {seconds:.0f} s."
        )
        future = self.executor.submit(evaluate, task)
        try:
            again = result_within(self.executor, future, seconds, overdue)
        finally:
            task.built.unlink(missing_ok=True)
        if again.checkpoint is None:
            raise SearchFailedError(
                f"The winner's weights were damaged, and to train it anew failed "
                f"({again.error})."
            )
        return _member(winner, again)


def _member(trial: Trial, outcome: TrialOutcome) -> Member:
    folder = Path(trial.task.folder)
    return Member(
        trial.task,
        str(folder / str(outcome.checkpoint)),
        None if outcome.outputs is None else str(folder / outcome.outputs),
        outcome.temperature,
    )
