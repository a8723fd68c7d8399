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
    standing = {}
    for data in sets:
        scores = {
            name: {k[2]: r for k, r in rows.items() if k[:2] == (name, data)}
            for name in names
        }
        present = [name for name in names if scores[name]]
        common = set.intersection(*(set(scores[name]) for name in present))
        constants = {
            k[2]: r["score"] for k, r in rows.items() if k[:2] == ("constant", data)
        }
        cells = []
        for name in names:
            if not scores[name]:
                cells.append("")
                continue
            shared = {s: scores[name][s] for s in common}
            score = np.mean([value_of(r, constants.get(s)) for s, r in shared.items()])
            star = "*" if any(r["status"] != "ok" for r in shared.values()) else ""
            seconds = [r["seconds"] for r in shared.values() if "seconds" in r]
            took = f" ({np.mean(seconds):.0f} s)" if seconds else ""
            cells.append(f"{score:.4f}{star}{took}")
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


def print_differences(rows, peers, sets):
    """Print by how many points ours is ahead of each peer, on all splits of both."""
    print()
    print("| ours, less | " + " | ".join(peers) + " |")
    print("|---|" + "---|" * len(peers))
    for data in sets:
        cells = []
        for peer in peers:
            pairs = [
                (row["score"], rows[peer, data, split]["score"])
                for (name, of, split), row in rows.items()
                if (name, of) == ("ours", data)
                and row["status"] == "ok"
                and rows.get((peer, data, split), {}).get("status") == "ok"
            ]
            points = 100 * np.subtract(*np.transpose(pairs)) if pairs else []
            told = f"{np.mean(points):+.1f}" if pairs else ""
            if len(pairs) > 1:
                error = np.std(points, ddof=1) / math.sqrt(len(pairs))
                told += f" ± {error:.1f} ({len(pairs)})"
            cells.append(told)
        if any(cells):
            print(f"| {data} | " + " | ".join(cells) + " |")


def value_of(row, constant):
    """Return the score of a row; a failure counts as the constant prediction.

    Without one it is worse than all.
    """
    if row["status"] == "ok":
        return row["score"]
    return -math.inf if constant is None else constant


def print_standing(standing, names):
    """Print how often each is the best, its mean rank, and its normalised score."""
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
            least, best = scores.get("constant", 0.0), max(scores.values())
            if best > least:
                normal.append((scores[name] - least) / (best - least))
        print(
            f"| {name} | {len(ranks)} | {wins} | {np.mean(ranks):.2f} | "
            f"{np.mean(normal):.3f} |"
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
        (r["set"], r["split"]): r["log_loss_uncalibrated"] - r["log_loss_probabilities"]
        for r in rows
        if r["system"] == "ours" and "log_loss_uncalibrated" in r
    }
    if losses:
        print_gains("calibration (of the log-loss)", list(losses.values()))


def gains_by_set(rows, with_it, without):
    """Return by how much one system is ahead of another, the mean of the splits.

    Of each split, the latest commit and machine that both were run at.
    """
    fine = {key(row): row["score"] for row in rows if row["status"] == "ok"}
    gains = {}
    for (system, *what), score in fine.items():
        other = fine.get((without, *what))
        if system == with_it and other is not None:
            gains[tuple(what[:2])] = score - other
    by_set = {}
    for (data, _), gain in gains.items():
        by_set.setdefault(data, []).append(gain)
    return {data: float(np.mean(each)) for data, each in by_set.items()}


def print_gains(part, gains):
    """Print a line of the table of parts."""
    points = 100 * np.array(gains)
    print(
        f"| {part} | {len(points)} | {points.mean():+.2f} | {np.median(points):+.2f} | "
        f"{(points > 0).sum()} | {(points < 0).sum()} |"
    )
