"""What rows of ``compare.py`` say: scores, who is ahead, what parts are worth."""

import json
import math

import numpy as np
import problems


def read_rows(path):
    """Return the rows of a file; of two with one key, the later one."""
    if not path.exists():
        return []
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return list({key(row): row for row in rows}.values())


def key(row):
    """Return what a row is of: of ours the commit and the machine, too."""
    names = ("system", "set", "split", "budget", "commit")
    boot = row["machine"].get("boot") if "commit" in row else None
    return (*(row.get(name) for name in names), boot)


def latest(rows, budget):
    """Return the rows of a budget by system, set and split; of ours the latest."""
    return {
        (row["system"], row["set"], row["split"]): row
        for row in rows
        if row["budget"] == budget
    }


def print_table(rows, systems, budget):
    """Print scores by set, then wins, mean ranks and normalised scores.

    The scores of a set are means of the splits that all its systems have.
    """
    rows = latest(rows, budget)
    names = [name for name in systems if any(key[0] == name for key in rows)]
    kept = {key[1] for key in rows if key[0] in names}
    sets = [name for name in problems.all_open() if name in kept]
    sets.sort(key=lambda name: (name not in problems.CORE,))
    print("| set | n | " + " | ".join(names) + " |")
    print("|---|---|" + "---|" * len(names))
    values = values_of(rows)
    standing = {}
    for data in sets:
        splits = {name: splits_of(rows, name, data) for name in names}
        common = set.intersection(*(each for each in splits.values() if each))
        cells = []
        for name in names:
            if not splits[name]:
                cells.append("")
                continue
            keys = [(name, data, split) for split in common]
            score = np.mean([values[key] for key in keys])
            seconds = [rows[key]["seconds"] for key in keys if "seconds" in rows[key]]
            took = f" ({np.mean(seconds):.0f} s)" if seconds else ""
            cells.append(f"{score:.4f}{star(rows, keys)}{took}")
            standing.setdefault(data, {})[name] = score
        print(f"| {data} | {len(common)} | " + " | ".join(cells) + " |")
    print_standing(standing, names)
    print_differences(rows, [name for name in names if name != "ours"], sets)
    for name in names:
        commits = {
            r["commit"]
            for k, r in rows.items()
            if k[0] == name and k[1] in kept and "commit" in r
        }
        if len(commits) > 1:
            print(f"\n{name} is of several commits: {', '.join(sorted(commits))}.")
    machines = {
        r["machine"].get("boot")
        for k, r in rows.items()
        if k[0] in names and k[1] in kept
    }
    if len(machines) > 1:
        print(f"\nRows are of {len(machines)} machines, of which one may be faster.")


def print_differences(rows, peers, sets):
    """Print by how many points ours is ahead of each peer, on all splits of both."""
    values = values_of(rows)
    print()
    print("| ours, less | " + " | ".join(peers) + " |")
    print("|---|" + "---|" * len(peers))
    for data in sets:
        cells = []
        for peer in peers:
            both = splits_of(rows, "ours", data) & splits_of(rows, peer, data)
            ours, theirs = (
                [(name, data, split) for split in both] for name in ("ours", peer)
            )
            points = [
                100 * (values[one] - values[other])
                for one, other in zip(ours, theirs, strict=True)
            ]
            told = f"{np.mean(points):+.1f}{star(rows, ours + theirs)}" if both else ""
            if len(both) > 1:
                error = np.std(points, ddof=1) / math.sqrt(len(both))
                told += f" ± {error:.1f} ({len(both)})"
            cells.append(told)
        if any(cells):
            print(f"| {data} | " + " | ".join(cells) + " |")


def splits_of(rows, name, data):
    """Return the splits of a set that a system was run on."""
    return {key[2] for key in rows if key[:2] == (name, data)}


def values_of(rows):
    """Return the score of each row; a failure counts as the constant prediction.

    Without one it is worse than all.
    """
    constants = {k[1:]: row["score"] for k, row in rows.items() if k[0] == "constant"}
    return {
        key: row["score"]
        if row["status"] == "ok"
        else constants.get(key[1:], -math.inf)
        for key, row in rows.items()
    }


def star(rows, keys):
    """Return the mark of a mean with a failure in it."""
    return "*" if any(rows[key]["status"] != "ok" for key in keys) else ""


def print_standing(standing, names):
    """Print how often each is the best, its mean rank, and its normalised score.

    The latter is 0 for the constant prediction of a set, and 1 for the best.
    """
    print()
    print("| system | sets | wins | mean rank | normalised score |")
    print("|---|---|---|---|---|")
    for name in names:
        ranks, normal, wins = [], [], 0
        for scores in standing.values():
            if name not in scores:
                continue
            better = sum(score > scores[name] for score in scores.values())
            equal = sum(score == scores[name] for score in scores.values())
            ranks.append(1 + better + (equal - 1) / 2)
            wins += better == 0
            least, best = scores.get("constant", math.nan), max(scores.values())
            if best > least:
                normal.append((scores[name] - least) / (best - least))
        normalised = f"{np.mean(normal):.3f}" if normal else ""
        print(
            f"| {name} | {len(ranks)} | {wins} | {np.mean(ranks):.2f} | {normalised} |"
        )


# What is left out or added, and the systems on both sides of it: with it, without it.
PARTS = {
    "starts": ("ours, random", "ours, random without starts"),
    "search, beside the first start": ("ours", "ours, first start throughout"),
    "strategy, beside random search": ("ours", "ours, random"),
    "scores on a fresh split": ("ours", "ours, no re-evaluation"),
    "refit": ("ours", "ours, no refit"),
    "ensemble of 5": ("ours, ensemble of 5", "ours"),
}


def print_parts(rows, budget):
    """Print by how many points each part changes the score.

    On the same splits, at the same commit and on the same machine: what else has
    changed is no part.
    """
    rows = [row for row in rows if row["budget"] == budget]
    print()
    print("| part | sets | mean, points | median | better | worse |")
    print("|---|---|---|---|---|---|")
    for part, (with_it, without) in PARTS.items():
        gains = gains_by_set(rows, with_it, without)
        if gains:
            print_gains(part, list(gains.values()))
    losses = {
        (data, split): r["log_loss_uncalibrated"] - r["log_loss_probabilities"]
        for (system, data, split), r in latest(rows, budget).items()
        if system == "ours" and "log_loss_uncalibrated" in r
    }
    if losses:
        print_gains(
            "calibration (of the log-loss)", list(means_by_set(losses).values())
        )


def gains_by_set(rows, with_it, without):
    """Return by how much one system is ahead of another, the mean of the splits.

    Of each split, the latest commit and machine that both were run at. A failure counts
    as the constant prediction.
    """
    constants = {
        (row["set"], row["split"]): row["score"]
        for row in rows
        if row["system"] == "constant"
    }
    scores = {
        key(row): row["score"]
        if row["status"] == "ok"
        else constants.get((row["set"], row["split"]))
        for row in rows
    }
    gains = {}
    for (system, *what), score in scores.items():
        other = scores.get((without, *what))
        if system == with_it and None not in (score, other):
            gains[tuple(what[:2])] = score - other
    return means_by_set(gains)


def means_by_set(values):
    """Return the mean of the splits of each set."""
    by_set = {}
    for (data, _), value in values.items():
        by_set.setdefault(data, []).append(value)
    return {data: float(np.mean(each)) for data, each in by_set.items()}


def print_gains(part, gains):
    """Print a line of the table of parts."""
    points = 100 * np.array(gains)
    print(
        f"| {part} | {len(points)} | {points.mean():+.2f} | {np.median(points):+.2f} | "
        f"{(points > 0).sum()} | {(points < 0).sum()} |"
    )
