"""The finished trials, the best of them, and which of their files are needed."""

from collections.abc import Iterable

from skautonas.search.finalists import MOST_FINALISTS
from skautonas.search.rules import Rules
from skautonas.search.trial import Trial

# Of an ensemble, so many trials may be members for each that is.
CANDIDATES_PER_MEMBER = 4


class Ledger:
    """What is known of a search.

    Parameters
    ----------
    rules : Rules
        How trials are compared.

    Attributes
    ----------
    trials : list of Trial
        In the order in which the strategy was told of them.
    incumbent : Trial or None
        The best finished trial of the highest fidelity; the earliest of equals.
    since_best : int
        Trials of full fidelity since it was found.
    next_number : int
        The smallest number of a trial that is not there.
    startups : list of float
        Seconds that trials took before their first step.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.trials: list[Trial] = []
        self.incumbent: Trial | None = None
        self.since_best = 0
        self.next_number = 0
        self.startups: list[float] = []
        self._by_number: dict[int, Trial] = {}
        # The best of the trials before `next_number`, and those after it.
        self._settled: Trial | None = None
        self._ahead: dict[int, Trial] = {}
        # Names of files by trial.
        self._on_disk: dict[int, set[str]] = {}

    def __getitem__(self, number: int) -> Trial:
        return self._by_number[number]

    def add(self, trial: Trial) -> None:
        """Take a finished trial into account."""
        self.trials.append(trial)
        self._by_number[trial.number] = trial
        self._on_disk[trial.number] = set(trial.files)
        self._ahead[trial.number] = trial
        while self.next_number in self._ahead:
            following = self._ahead.pop(self.next_number)
            self._settled = self._best([self._settled, following])
            self.next_number += 1
        if trial.outcome.status != "failed":
            self.startups.append(trial.startup)
        self.incumbent = self._best([self.incumbent, trial])
        if self._order_counts:
            self.incumbent = self._best([self._settled, *self._ahead.values()])
        if trial.fidelity == 1.0:
            leads = self.incumbent is trial
            self.since_best = 0 if leads else self.since_best + 1

    @property
    def _order_counts(self) -> bool:
        """Whether trials are compared in an order, which must not be the clock's."""
        return self._rules.by_standard_error and self._rules.n_folds > 1

    def _best(self, told: list[Trial | None]) -> Trial | None:
        """Return which of some trials leads, compared in the order of their numbers."""
        completed = [t for t in told if t and t.outcome.status == "completed"]
        best = None
        for later in sorted(completed, key=lambda trial: trial.number):
            if best is None or later.beats(best, self._rules.by_standard_error):
                best = later
        return best

    def files(self) -> set[str]:
        """Return the names of the files that are on disk."""
        return set().union(*self._on_disk.values())

    def take_unneeded(self, going_on: Iterable[int]) -> list[str]:
        """Return the files that nothing needs any more, each of them once.

        Parameters
        ----------
        going_on : iterable of int
            Trials that a later one goes on with, or may.
        """
        may_go_on, may_win = set(going_on), self._may_win()
        unneeded: list[str] = []
        for number, names in list(self._on_disk.items()):
            outcome = self._by_number[number].outcome
            kept = names & set(outcome.states) if number in may_go_on else set()
            if number in may_win:
                kept |= names - set(outcome.states)
            if self._is_compared(self._by_number[number]):
                kept |= names & {outcome.outputs}
            unneeded += names - kept
            self._on_disk[number] = kept
            if not kept:
                del self._on_disk[number]
        return unneeded

    def compared(self) -> list[Trial]:
        """Return the trials that the incumbent is the best of, best first."""
        trials = [trial for trial in self.trials if self._is_compared(trial)]
        return sorted(trials, key=lambda trial: (-trial.score, trial.number))

    def _is_compared(self, trial: Trial) -> bool:
        completed = trial.outcome.status == "completed"
        incumbent = self.incumbent
        return (
            completed and incumbent is not None and trial.fidelity == incumbent.fidelity
        )

    def _may_win(self) -> set[int]:
        """Return the trials that lead, or may do so when one before them is told."""
        leading = [self.incumbent]
        if self._rules.ensemble_size > 1:
            offered = CANDIDATES_PER_MEMBER * self._rules.ensemble_size
            leading += self.compared()[:offered]
        if self._rules.has_finals:
            leading += self.compared()[:MOST_FINALISTS]
        if self._order_counts:
            leading += [self._settled, *self._ahead.values()]
        return {trial.number for trial in leading if trial is not None}
