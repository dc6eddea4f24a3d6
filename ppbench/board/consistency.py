"""Whether the raw records of an entry are one whole run: complete, of one endpoint, in possible time. Pure.

Yields what is wrong, one line each. Whether the figures follow from the records is not asked here.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from ppbench.board.derived import Records
from ppbench.board.identity import OWN, is_mock, suite_of
from ppbench.controls import controls_of, sample
from ppbench.errors import UsageError
from ppbench.model import Item
from ppbench.specs import split_spec
from ppbench.store import cell
from ppbench.tally import SERIAL
from ppbench.tasks import digest
from ppbench.trace import Trial

PEOPLE = "human"
"""Judges who are shown as many cases as they have time for."""
_STAMPS = {"virtual": {"virtual"}, "native": {"kernel", "user"}, "python": {"python"}}


def asked(run: Mapping[str, Any], gold: Mapping[str, Item]) -> Iterator[str]:
    """What is wrong with what was asked. `gold`: the installed prompts."""
    options, conditions, specs = run["options"], run["conditions"], [method["spec"] for method in run["methods"]]
    if options.get("limit") is not None:
        yield f"the run was limited (-n {options['limit']}); an entry is of a whole suite"
    yield from (f"{spec!r:.80} is no spec of a method" for spec in specs if not _readable(spec))
    if SERIAL not in specs or len(specs) < 2:
        yield "the serial pair is missing: an entry has serial, and a method beside it"
    for what, values in (("method", specs), ("prompt", [item["id"] for item in run["items"]])):
        yield from (f"{what} {value!r} stands twice" for value in sorted({v for v in values if values.count(v) > 1}))
    for name in ("repeats", "seed", "concurrency", "system"):
        if options.get(name, conditions[name]) != conditions[name]:
            yield f"run.json: options.{name} is {options[name]!r}, conditions.{name} {conditions[name]!r}"
    if run["timing"] == "live" and is_mock(run):
        yield "the run says live, and something in its record says that the mock model answered"
    yield from _prompts(run, gold)


def _prompts(run: Mapping[str, Any], gold: Mapping[str, Item]) -> Iterator[str]:
    """Own prompts have no text; those of a suite are the installed ones."""
    suite, name = suite_of(run)[0], _suite_asked(run["options"])
    if suite == OWN:
        if name:
            yield f"the prompts are not those of suite {name} as it is installed here, or not all of them"
        return
    for item in run["items"]:
        mine = gold.get(item["id"])
        if mine is None or digest(mine) != item["digest"]:
            yield f"prompt {item['id']} is not the installed one"
            continue
        facts = (mine.family, mine.category, mine.language, mine.splittable, mine.schema.size if mine.schema else None)
        if facts != tuple(item.get(key) for key in ("family", "category", "language", "splittable", "n")):
            yield f"run.json: family, category, language, splittable or n of prompt {item['id']} is not the installed prompt's"


def _readable(spec: str) -> bool:
    try:
        return bool(split_spec(spec)[0])
    except UsageError:
        return False


def _suite_asked(options: Mapping[str, Any]) -> str:
    """The suite that a command line asked for; without any prompts in it that is `smoke`."""
    return str(options.get("suite") or ("" if options.get("prompts") or options.get("task") else "smoke"))


def complete(records: Records, trials: Sequence[Trial], gold: Mapping[str, Item]) -> Iterator[str]:
    """Every block is whole and there once, second tries where they were due; every trial was judged, controls too."""
    specs = [method["spec"] for method in records.run["methods"]]
    cells = [(item["id"], repeat) for item in records.run["items"] for repeat in range(records.run["conditions"]["repeats"])]
    blocks: dict[tuple[str, int, int], dict[str, Trial]] = defaultdict(dict)
    for trial in trials:
        block = blocks[trial.item, trial.repeat, trial.try_]
        if trial.decomposer in block:
            yield f"trial {trial.key} stands twice"
        block[trial.decomposer] = trial
    for item, repeat in cells:
        first = blocks.pop((item, repeat, 0), {})
        due = any(not (trial.trace and trial.trace.clean) for trial in first.values())
        second = blocks.pop((item, repeat, 1), {}) if due else {}
        for number, block in enumerate((first, second) if due else (first,)):
            missing = [spec for spec in specs if spec not in block]
            if missing:
                yield f"incomplete: prompt {item}, repeat {repeat}, try {number} lacks {', '.join(missing)}"
        foreign = sorted({*first, *second} - set(specs))
        if foreign:
            yield f"prompt {item} was answered by {', '.join(foreign)}, which the run did not ask for"
    yield from (f"trials of {key} were not asked for" for key in sorted(blocks))
    yield from _judged(records, trials, {} if suite_of(records.run)[0] == OWN else gold)


def _judged(records: Records, trials: Sequence[Trial], gold: Mapping[str, Item]) -> Iterator[str]:
    said: dict[str, set[Any]] = {judge: set() for judge in records.run["judges"]}
    for record in records.verdicts:
        if "failure" not in record:
            said.setdefault(record["judge"], set()).add(cell(record))
    real, shown = {(*trial.key, "") for trial in trials if trial.trace is not None}, _controls(records, trials)
    for judge, cells in sorted(said.items()):
        people = split_spec(judge)[0] == PEOPLE
        lost = _unjudged(real | shown, cells, gold) if (cells or gold) and not people else set()
        if lost:
            yield f"incomplete: judge {judge} has no verdict on {len(lost)} of {len(real | shown)} cases, the first {min(lost)}"
        foreign = {one for one in cells if one not in (shown if one[-1] else real) and (shown or not one[-1])}
        if foreign:
            yield f"judge {judge} speaks of {len(foreign)} cases that are not there, the first {min(foreign)}"


def _unjudged(cases: set[Any], said: set[Any], gold: Mapping[str, Item]) -> set[Any]:
    """Cases of which a judge says nothing although it speaks of prompts of that kind, or all if it never speaks.

    A judge may have nothing to say of a kind of prompt, whoever answered, and one that compares has nothing to say of serial.
    """
    kinds = {_kind(one[0], gold) for one in said}
    prompts = {one[0] for one in cases if _kind(one[0], gold) in kinds}
    compares = not any(one[2] == SERIAL and not one[-1] for one in said)
    due = {one for one in cases if one[0] in prompts and not (compares and one[2] == SERIAL and not one[-1])}
    return due - said if said else cases


def _kind(prompt: str, gold: Mapping[str, Item]) -> Any:
    """What a judge may go by when it leaves a prompt out; the prompt itself where no more is known of it."""
    item = gold.get(prompt)
    if item is None:
        return prompt
    has = (item.reference is not None, item.schema is not None, bool(item.constraints))
    return item.category, item.language, item.splittable, item.dependency, *has


def _controls(records: Records, trials: Sequence[Trial]) -> set[Any]:
    """What each judge was shown as a control; of answers without their text it is not known."""
    drawn = sample(trials, {item["id"]: item["category"] for item in records.run["items"]}, records.run["seed"])
    return {(*trial.key, name) for trial in drawn if trial.trace for name in controls_of(trial.trace.answer)}


def one_endpoint(run: Mapping[str, Any], trials: Iterable[Trial]) -> Iterator[str]:
    """All stamps are of the run's clock, and every request bears the mark of its trial in this run."""
    allowed, secret = _STAMPS[run["clock"]], run["conditions"]["nonce"]
    marked = secret and suite_of(run)[0] != OWN
    for trial in trials:
        for span in trial.trace.spans if trial.trace else ():
            if not span.reply.error and span.reply.stamp not in allowed:
                yield f"trial {trial.key} has stamps of another clock ({span.reply.stamp}) than the run's ({run['clock']})"
                break
            if marked and not (span.request.system or "").startswith(_mark(secret, trial)):
                yield f"trial {trial.key} does not bear this run's mark: it is of another run, or another endpoint"
                break


def _mark(secret: str, trial: Trial) -> str:
    """As `run` makes it; there it keeps prompt caches apart."""
    key = f"block/{trial.item}/{trial.repeat}/{trial.try_}/{trial.decomposer}"
    return f"[trial {hashlib.sha256(f'{secret}/{key}'.encode()).hexdigest()[:8]}]"


def possible(run: Mapping[str, Any], trials: Sequence[Trial]) -> Iterator[str]:
    """Nothing ends before it began, no answer is there before what it was made from, no two trials of a block overlap."""
    blocks: dict[tuple[str, int, int], list[Trial]] = defaultdict(list)
    for trial in trials:
        trace = trial.trace
        if trace is None:
            continue
        blocks[trial.item, trial.repeat, trial.try_].append(trial)
        replies = [span.reply for span in trace.spans if not span.reply.error]
        inside = all(trace.started_ns <= reply.sent_ns <= reply.done_ns <= trace.ended_ns for reply in replies)
        if trace.started_ns > trace.ended_ns or not inside:
            yield f"trial {trial.key}: a reply lies outside the time of its trial"
    for block in blocks.values():
        times = sorted((t.trace.started_ns, t.trace.ended_ns, t.decomposer) for t in block if t.trace)
        for (_, ended, one), (started, _, other) in pairwise(times):
            if started < ended:
                yield f"prompt {block[0].item}: {one} and {other} ran at the same time, and a block runs them one after another"


def prompts_as_asked(trials: Iterable[Trial], gold: Mapping[str, Item]) -> Iterator[str]:
    """What serial sent is the installed prompt."""
    for trial in trials:
        spans = trial.trace.spans if trial.trace and trial.decomposer == SERIAL and trial.item in gold else ()
        if any(span.request.text != gold[trial.item].text for span in spans):
            yield f"serial was asked something else than prompt {trial.item}"
