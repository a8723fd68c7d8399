"""Our estimators and their peers on the same rows, for the same time.

Run: ``SKAUTONAS_DATA=... python benchmarks/compare.py`` (the folder's layout is in
``problems.py``). Each fit runs in a process of its own, peers in environments of their
own (``peers/requirements``), all on the same two cores, one after another. A fit is
killed at twice its budget, or as `SYSTEMS` says. Each run is a line of
``results/compare.jsonl``: what is there is not run again, but ours where the code or
the machine has changed since: in a minute, a faster one trains more.

Without options, all that is compared is run, which takes hours, and a run that is
stopped goes on. ``--table`` prints what is there. A failure counts as the constant
prediction, and has a star.
"""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import problems
from environments import python_of
from standing import key, print_parts, print_table, read_rows

HERE = Path(__file__).parent
ROWS = HERE / "results" / "compare.jsonl"
MODALITIES = ("tabular", "text", "image")
TASKS = ("classification", "regression", "multilabel")
# Seconds that loading and importing, and then predicting, may take.
IMPORT_SECONDS = PREDICT_SECONDS = 600.0
POLL_SECONDS = 0.1
AUTOKERAS = (
    "california_housing",
    "letter",
    "trec6",
    "vader_tweets",
    "mnist5k",
    "kannada_morpho_10k",
)


@dataclass(frozen=True)
class System:
    """Something that learns: what runs it, on what, and for how long."""

    module: str
    environment: str | None = None
    modalities: tuple = MODALITIES
    tasks: tuple = TASKS
    # Before it is killed, of the budget.
    most_times: float = 2.0
    sets: tuple | None = None

    @property
    def is_ours(self):
        """Whether it is of this repository."""
        return self.module.startswith("ours:")


ONE_TARGET = ("classification", "regression")
SYSTEMS = {
    "ours": System("ours:all"),
    # Those without a budget take the time that they take.
    "constant": System("classic:constant"),
    "linear": System("classic:linear", most_times=10),
    "forest": System("classic:forest", None, ("tabular", "image")),
    "boosting": System("classic:boosting", None, ("tabular",)),
    "flaml": System("flaml_automl:flaml", "flaml", ("tabular",), ONE_TARGET),
    "net": System("keras_net:net"),
    "hyperband": System("keras_tuners:hyperband", "keras-tuners"),
    "autokeras": System(
        "keras_tuners:autokeras",
        "keras-tuners",
        # Its search has ten times our budget.
        most_times=20,
        sets=AUTOKERAS,
    ),
    # As they are, however long that takes.
    "realmlp": System(
        "pytabkit_nets:realmlp", "pytabkit", ("tabular",), ONE_TARGET, 20
    ),
    "tabm": System("pytabkit_nets:tabm", "pytabkit", ("tabular",), ONE_TARGET, 20),
    "ours, first start throughout": System("ours:first-start"),
    "ours, random": System("ours:random"),
    "ours, evolution": System("ours:evolution", sets=problems.WORKING),
    "ours, asha": System("ours:asha", sets=problems.WORKING),
    "ours, random without starts": System("ours:random-without-starts"),
    "ours, no refit": System("ours:no-refit"),
    "ours, no re-evaluation": System("ours:no-reevaluation"),
    "ours, ensemble of 5": System("ours:ensemble"),
}
CHEAP = ("constant", "linear", "forest", "boosting")
N_SPLITS = 3


def plan(systems, sets, n_splits):
    """Return what to run: system, set, number of the split."""
    if sets is None:
        several = [name for name in systems if name == "ours" or name in CHEAP]
        wanted = [(name, problems.CORE, n_splits or N_SPLITS) for name in several]
        wanted += [(name, problems.all_open(), 1) for name in several]
        others = [name for name in systems if name not in several]
        wanted += [(name, problems.CORE, n_splits or 1) for name in others]
    else:
        wanted = [(name, sets, n_splits or 1) for name in systems]
    runs = [
        (name, data, split)
        for name, names, count in wanted
        for data in names
        for split in range(count)
        if fits(SYSTEMS[name], data)
    ]
    return list(dict.fromkeys(runs))


def fits(system, name):
    """Tell whether a system is for a set."""
    problem = problems.problem(name)
    return (
        problem.modality in system.modalities
        and problem.task in system.tasks
        and (system.sets is None or name in system.sets)
    )


def commit():
    """Return the latest commit of our code; what is not committed is refused."""

    def git(*arguments):
        command = ["git", "-C", str(HERE.parent), *arguments]
        return subprocess.run(
            command, check=True, capture_output=True, text=True
        ).stdout.strip()

    if git("status", "--porcelain", "--", "skautonas"):
        sys.exit(
            "skautonas/ has changes that are not committed. Commit them, or pass "
            "--rows with another file."
        )
    return git("log", "-1", "--format=%h", "--", "skautonas")


def machine():
    """Return what this machine is."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [line for line in info.read_text().splitlines() if "model name" in line]
        model = lines[0].split(":")[1].strip() if lines else model
    boot = Path("/proc/sys/kernel/random/boot_id")
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        # The same model may be faster another day, beside other work.
        "boot": boot.read_text()[:8] if boot.exists() else None,
    }


def run(name, data, number, budget):
    """Fit a system in a process of its own; return a row without its key."""
    system, problem = SYSTEMS[name], problems.problem(data)
    train, test = problems.split(data, number)
    python = python_of(system.environment)
    row = {"scoring": problem.scoring, "rows": problems.digest(test)}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        np.savez(out / "rows.npz", train=train, test=test)
        command = [python, str(HERE / "peers" / "fit.py"), system.module, data]
        command += ["--rows", str(out / "rows.npz"), "--out", folder]
        command += ["--budget", str(budget), "--seed", str(number)]
        with (out / "errors.txt").open("w") as errors:
            process = subprocess.Popen(
                command,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
                cwd=folder,
            )
            try:
                killed = watch(process, out / "progress.json", system, budget)
            finally:
                kill(process)
        progress = out / "progress.json"
        row |= json.loads(progress.read_text()) if progress.exists() else {}
        row.pop("began", None)
        if killed:
            return row | {"status": "killed", "error": killed}
        if process.returncode:
            said = (out / "errors.txt").read_text().strip().splitlines()
            why = said[-1][:300] if said else f"ended with {process.returncode}"
            return row | {"status": "failed", "error": why}
        with np.load(out / "predictions.npz") as predictions:
            _, y = problems.read(data)
            score = problems.score(problem.scoring, y[test], predictions)
            if "uncalibrated" in predictions:
                row |= {
                    f"log_loss_{name}": problems.log_loss(y[test], predictions[name])
                    for name in ("probabilities", "uncalibrated")
                }
    return row | {"status": "ok", "score": float(score)}


def watch(process, progress, system, budget):
    """Wait for a process, and tell why it is late, if it is."""
    start = time.time()
    most = system.most_times * budget
    fitted = None
    while process.poll() is None:
        time.sleep(POLL_SECONDS)
        facts = json.loads(progress.read_text()) if progress.exists() else {}
        now = time.time()
        if "began" not in facts:
            if now - start > IMPORT_SECONDS:
                return f"not imported after {IMPORT_SECONDS:.0f} s"
        elif "seconds" not in facts:
            if now - facts["began"] > most:
                return f"not fitted after {most:.0f} s"
        else:
            fitted = fitted or now
            if now - fitted > PREDICT_SECONDS:
                return f"not predicted after {PREDICT_SECONDS:.0f} s"
    return ""


def kill(process):
    """End a process and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def main():
    """Parse the command line, run what is missing, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", type=float, default=60.0, help="seconds a fit")
    parser.add_argument("--systems", nargs="*", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--sets", nargs="*", help="names, or core, working, open")
    parser.add_argument("--splits", type=int, help="splits of each set")
    parser.add_argument("--rows", type=Path, default=ROWS, help="file of the rows")
    parser.add_argument("--table", action="store_true", help="run nothing")
    arguments = parser.parse_args()
    groups = {
        "core": problems.CORE,
        "working": problems.WORKING,
        "open": problems.all_open(),
    }
    sets = None
    if arguments.sets:
        sets = [s for name in arguments.sets for s in groups.get(name, (name,))]
    rows = read_rows(arguments.rows)
    if not arguments.table:
        rows += measure(arguments, sets, {key(row) for row in rows})
    print_table(rows, arguments.systems, arguments.budget)
    print_parts(rows, arguments.budget)


def measure(arguments, sets, known):
    """Run what is not known; return its rows, which are appended to the file."""
    arguments.rows.parent.mkdir(exist_ok=True)
    rows = []
    for name, data, number in plan(arguments.systems, sets, arguments.splits):
        row = {"system": name, "set": data, "split": number}
        row |= {"budget": arguments.budget, "machine": machine()}
        if SYSTEMS[name].is_ours:
            row["commit"] = commit() if arguments.rows == ROWS else "scratch"
        if key(row) in known:
            continue
        row |= run(name, data, number, arguments.budget)
        with arguments.rows.open("a") as file:
            file.write(json.dumps(row) + "\n")
        told = row.get("error") or f"{row['score']:.4f} in {row['seconds']:.0f} s"
        print(f"{data:20s} {number} {name:16s} {row['status']:7s} {told}", flush=True)
        rows.append(row)
    return rows


if __name__ == "__main__":
    main()
