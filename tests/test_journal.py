"""The journal and its directory: what was appended is there, or was never."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import zlib

import numpy as np
import pytest

from skautonas._files import written_atomically
from skautonas.estimation.task import Seconds, TrialOutcome
from skautonas.exceptions import DamagedFileError, StudyExistsError
from skautonas.search.directory import open_directory
from skautonas.search.journal import Asked, Ended, Finished, Journal, Told

OUTCOME = TrialOutcome(
    "completed",
    score=0.1 + 0.2,
    scores=(0.30000000000000004,),
    curve=[(1.0, 0.5, None), (2.0, float("nan"), 0.25)],
    best_epoch=2.0,
    seconds=Seconds(total=1.25),
    checkpoint="0000-0-variables.npz",
    states=("0000-0-state0.npz",),
)
EVENTS = [
    Asked(0, 0, {"x": 1, "flag": True, "rate": 1e-3, "kind": "ü\n"}, 0.5),
    Finished(0, 0, OUTCOME, 1.5),
    Told(0),
    Ended(
        0, 4, True, False, None, 123, 2.5, 3, ((0, 0.75), (2, 0.25)), 0.9, ((0, 0.5),)
    ),
]


def written(path, events=EVENTS):
    journal = Journal(path, durable=True)
    journal.append(*events)
    journal.close()
    return path


def read(path):
    journal = Journal(path, durable=False)
    journal.close()
    return journal


def test_events_come_back_as_they_were(tmp_path):
    events = read(written(tmp_path / "j")).events
    assert repr(events) == repr(EVENTS)  # NaN is not equal to itself
    assert type(events[0].values["flag"]) is bool
    assert events[1].outcome.score == 0.1 + 0.2


def test_numbers_of_numpy_are_written_as_ours(tmp_path):
    event = Asked(0, 0, {"x": np.int64(3), "y": np.float32(0.5)}, 0.0)
    (back,) = read(written(tmp_path / "j", [event])).events
    assert back.values == {"x": 3, "y": 0.5}


def test_each_line_can_be_read_by_a_person(tmp_path):
    for line in written(tmp_path / "j").read_text().splitlines():
        assert "event" in json.loads(line.split(" ", 1)[1])


def test_a_line_that_was_cut_off_anywhere_is_dropped(tmp_path):
    whole = written(tmp_path / "j").read_bytes()
    last = whole[:-1].rindex(b"\n") + 1
    for length in range(last + 1, len(whole)):
        (tmp_path / "j").write_bytes(whole[:length])
        journal = Journal(tmp_path / "j", durable=True)
        assert journal.torn
        assert journal.events[-1] == Told(0)
        journal.append(Told(5))
        journal.close()
        again = read(tmp_path / "j")
        assert not again.torn
        assert again.events[-2:] == [Told(0), Told(5)]


def test_a_changed_line_in_the_middle_is_refused_by_number(tmp_path):
    path = written(tmp_path / "j")
    damaged = bytearray(path.read_bytes())
    damaged[30] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(DamagedFileError, match=r"line 1 of .*overwrite=True"):
        read(path)
    assert path.read_bytes() == bytes(damaged)


@pytest.mark.parametrize("name", ["../../rows.csv", "/etc/passwd", "*", "..", ""])
@pytest.mark.parametrize("part", ["checkpoint", "states"])
def test_names_of_other_files_are_refused(tmp_path, name, part):
    finished = next(event for event in EVENTS if isinstance(event, Finished))
    names = {part: (name,) if part == "states" else name or "*"}
    outcome = dataclasses.replace(finished.outcome, **names)
    journal = Journal(tmp_path / "j", durable=True)
    journal.append(dataclasses.replace(finished, outcome=outcome), Told(0))
    journal.close()
    with pytest.raises(DamagedFileError, match=r"line 1 .*no name of a trial's file"):
        read(tmp_path / "j")


def test_a_full_disk_leaves_whole_lines(tmp_path, monkeypatch):
    journal = Journal(tmp_path / "j", durable=True)
    journal.append(EVENTS[0])

    def full(descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            journal.append(EVENTS[1])
    journal.append(EVENTS[2])
    journal.close()
    assert read(tmp_path / "j").events == [EVENTS[0], EVENTS[2]]


def facts(**fingerprint):
    return {"fingerprint": {"data": "1", "labels": "2"} | fingerprint, "seeds": [1, 2]}


def test_a_study_knows_its_facts(tmp_path):
    with open_directory(tmp_path / "new" / "study") as directory:
        assert directory.facts is None
        directory.begin(facts())
    with open_directory(tmp_path / "new" / "study") as directory:
        assert directory.facts["seeds"] == [1, 2]
        directory.begin(facts())
        with pytest.raises(StudyExistsError, match=r"another labels .*overwrite=True"):
            directory.begin(facts(labels="3"))


def test_of_a_description_what_differs_is_told(tmp_path):
    before, now = (str({"pruner": "x", "levels": n, "size": 1}) for n in (2, 3))
    with open_directory(tmp_path) as directory:
        directory.begin(facts(strategy=before))
        words = r"another strategy \(strategy 'levels': 3, not 'levels': 2\)"
        with pytest.raises(StudyExistsError, match=words):
            directory.begin(facts(strategy=now))


def test_overwrite_starts_anew(tmp_path):
    with open_directory(tmp_path) as directory:
        directory.begin(facts())
        directory.journal.append(*EVENTS)
        (directory.trials / "0000-0-variables.npz").write_bytes(b"1")
    with open_directory(tmp_path, overwrite=True) as directory:
        assert directory.facts is None
        assert (tmp_path / "journal.jsonl").stat().st_size > 0  # until another begins
        directory.begin(facts(labels="3"))
        assert directory.journal.events == []
        assert list(directory.trials.iterdir()) == []


@pytest.mark.parametrize("state", ["absent", "empty"])
@pytest.mark.parametrize("left", ["trials/0000-0-variables.npz", "model.keras"])
def test_a_journal_that_is_lost_is_refused(tmp_path, state, left):
    with open_directory(tmp_path) as directory:
        directory.begin(facts())
        directory.journal.append(*EVENTS)
    (tmp_path / left).write_bytes(b"1")
    journal = tmp_path / "journal.jsonl"
    journal.unlink() if state == "absent" else journal.write_bytes(b"")
    with (
        pytest.raises(DamagedFileError, match=rf"journal.jsonl.* {state}.*overwrite"),
        open_directory(tmp_path),
    ):
        pass
    assert (tmp_path / left).exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', "null", "\x00\xff"])
def test_garbage_in_the_facts_is_refused_by_name(tmp_path, text):
    with open_directory(tmp_path) as directory:
        directory.begin(facts())
    (tmp_path / "study.json").write_text(text, encoding="latin-1")
    with (
        pytest.raises(DamagedFileError, match=r"study\.json.*overwrite=True"),
        open_directory(tmp_path),
    ):
        pass
    with open_directory(tmp_path, overwrite=True) as directory:
        assert directory.facts is None


def test_facts_that_are_lost_are_not_made_up(tmp_path):
    with open_directory(tmp_path) as directory:
        directory.begin(facts())
        directory.journal.append(*EVENTS)
    (tmp_path / "study.json").unlink()
    with (
        pytest.raises(DamagedFileError, match="absent"),
        open_directory(tmp_path),
    ):
        pass


def test_another_format_is_refused(tmp_path):
    with open_directory(tmp_path) as directory:
        directory.begin(facts())
    text = (tmp_path / "study.json").read_text()
    (tmp_path / "study.json").write_text(text.replace('"format": 1', '"format": 99'))
    with (
        pytest.raises(StudyExistsError, match="format 99, of another version"),
        open_directory(tmp_path),
    ):
        pass


def test_a_directory_of_other_files_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    for overwrite in (False, True):
        with (
            pytest.raises(FileExistsError, match=r"thesis\.tex"),
            open_directory(tmp_path, overwrite),
        ):
            pass
    assert (tmp_path / "thesis.tex").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


def test_no_directory_is_a_temporary_one():
    with open_directory(None) as directory:
        path = directory.path
        assert path.exists()
        assert not directory.durable
    assert not path.exists()


HOLD = """
import sys, time
from skautonas.search.directory import open_directory
with open_directory(sys.argv[1]) as directory:
    print("open", flush=True)
    time.sleep(60)
"""


FORK = """
import multiprocessing, os, signal, sys, time
from skautonas.search.directory import open_directory
with open_directory(sys.argv[1]) as directory:
    child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
    child.start()
    print(child.pid, flush=True)
    time.sleep(0.5)  # until it has begun
    if sys.argv[2] == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
os._exit(0)
"""


def test_a_second_process_is_refused_until_the_first_is_dead(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(StudyExistsError, match="in use"), open_directory(tmp_path):
            pass
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    with open_directory(tmp_path) as directory:
        assert directory.facts is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork there")
@pytest.mark.parametrize("dies", [True, False])
def test_a_forked_child_does_not_keep_a_study_open(tmp_path, dies):
    holder = subprocess.Popen(
        [sys.executable, "-c", FORK, str(tmp_path), "dies" if dies else "ends"],
        stdout=subprocess.PIPE,
        text=True,
    )
    child = int(holder.stdout.readline())
    try:
        assert holder.wait(10) == (-signal.SIGKILL if dies else 0)
        os.kill(child, 0)
        with open_directory(tmp_path) as directory:
            assert directory.facts is None
    finally:
        os.kill(child, signal.SIGKILL)
        holder.stdout.close()


@pytest.mark.parametrize(
    "name", ["ünï cöde ✓", "with space", "d" * 60 + "/" + "e" * 60]
)
def test_paths_of_all_kinds(tmp_path, name):
    with open_directory(tmp_path / name) as directory:
        directory.begin(facts())
        with written_atomically(directory.trials / "x.npz") as file:
            file.write_bytes(b"1")
        directory.keep_only(set())
        assert list(directory.trials.iterdir()) == []


def test_a_study_whose_first_write_was_killed_can_begin(tmp_path):
    unfinished = tmp_path / f".{'0a' * 16}.json"
    unfinished.write_text("{")
    with open_directory(tmp_path) as directory:
        directory.begin(facts())
    assert not unfinished.exists()


def test_an_end_that_knew_no_ensembles_is_read(tmp_path):
    body = {
        "event": "ended",
        "winner": 1,
        "n_trials": 2,
        "refit": True,
        "refitted": True,
        "refit_error": None,
        "checksum": 5,
        "elapsed": 1.5,
    }
    text = json.dumps(body).encode()
    (tmp_path / "j").write_bytes(b"%08x %s\n" % (zlib.crc32(text), text))
    (end,) = read(tmp_path / "j").events
    assert (end.winner, end.ensemble_size, end.members, end.score) == (1, 1, (), None)
