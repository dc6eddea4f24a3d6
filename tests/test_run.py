"""Blocks: what is run again, what is thrown away, when a run stops; judge plans go through the same loop."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest

from ppbench import (
    BudgetReached,
    Call,
    Case,
    Category,
    EndpointUnusable,
    Failure,
    Item,
    Plan,
    Prompt,
    Reply,
    Request,
    Script,
    Trial,
    UsageError,
    Verdict,
    VirtualExecutor,
)
from ppbench.judging import Bench, judge_trials
from ppbench.plugins import load
from ppbench.run import Block, Conditions, Runner
from ppbench.store import RunDirectory

MS = 1_000_000
ITEMS = [Item(name, f"text of {name}") for name in "abc"]
CATEGORIES = {"general": Category("general", "General", "data", "none", system="be kind")}
FINE = Script(((MS, "yes"),), MS, tokens_in=1, tokens_out=1)


@dataclass(frozen=True)
class Serial:
    name: ClassVar[str] = "serial"

    def decompose(self, prompt: Prompt) -> Plan:
        return Plan.serial(prompt)


@dataclass(frozen=True)
class Twice:
    name: ClassVar[str] = "twice"
    stop: str = ""

    def decompose(self, prompt: Prompt) -> Plan:
        stops = (self.stop,) if self.stop else ()
        return Plan((Call("1", f"1 {prompt.text}", stop=stops), Call("2", f"2 {prompt.text}", stop=stops)))


class World(VirtualExecutor):
    """A virtual endpoint that remembers what it was sent."""

    endpoint, timing = "nowhere", "modelled"

    def __init__(self, answer: Callable[[Request], Script] = lambda request: FINE) -> None:
        self.sent: list[Request] = []
        super().__init__(lambda request, now: (self.sent.append(request), answer(request))[1])


def runner(world: World, **conditions: object) -> Runner:
    return Runner(world, [Serial(), Twice()], ITEMS, CATEGORIES, Conditions(**conditions))  # type: ignore[arg-type]


def run(world: World, path: Path, **conditions: object) -> list[Trial]:
    made = runner(world, **conditions)
    directory = RunDirectory.create(path / "run", {})
    made.run(made.blocks(), directory, lambda block, trials: None)
    return list(directory.trials())


def test_a_block_runs_all_methods_back_to_back_in_seeded_order(tmp_path: Path) -> None:
    """Each block holds every method once; the order within depends on the seed and the block alone."""
    orders = []
    for attempt in range(2):
        trials = run(World(), tmp_path / str(attempt), repeats=4, seed=3)
        orders.append([trial.decomposer for trial in sorted(trials, key=lambda t: t.trace.started_ns if t.trace else 0)])
        blocks = [{t.decomposer for t in trials[k : k + 2]} for k in range(0, len(trials), 2)]
        assert blocks == [{"serial", "twice"}] * 12

    assert orders[0] == orders[1]
    assert {tuple(orders[0][k : k + 2]) for k in range(0, 24, 2)} == {("serial", "twice"), ("twice", "serial")}


def test_an_unclean_block_is_run_again_whole_and_once(tmp_path: Path) -> None:
    """Where one call of one method was retried, both methods get a second try; never a third."""
    failed: list[str] = []

    def flaky(request: Request) -> Script:
        if request.text == "2 text of b" and len(failed) < 2:
            failed.append(request.id)
            return Script((), MS, error=Failure("server", "planted", 503))
        return FINE

    trials = run(World(flaky), tmp_path)
    again = sorted((t.item, t.decomposer, t.try_) for t in trials if t.try_)
    assert again == [("b", "serial", 1), ("b", "twice", 1)]
    assert len(trials) == 3 * 2 + 2


def test_load_levels_run_blocks_side_by_side(tmp_path: Path) -> None:
    """-j 3 runs three blocks at once and stores each whole."""
    trials = run(World(), tmp_path, concurrency=3)
    assert [trial.trace.started_ns for trial in trials if trial.trace].count(0) == 3
    assert len(trials) == 6


def test_an_unclean_block_at_the_end_of_a_wide_run_is_still_run_again(tmp_path: Path) -> None:
    """A second try that falls due when other lanes have run dry is not lost."""

    def flaky(request: Request) -> Script:
        if "/0/serial@" in request.id and "#" not in request.id and "text of c" in request.text:
            return Script((), 50 * MS, error=Failure("server", "planted", 503))
        return FINE

    trials = run(World(flaky), tmp_path, concurrency=3)
    assert sorted((t.item, t.try_) for t in trials if t.try_) == [("c", 1), ("c", 1)]


def test_every_trial_has_a_nonce_of_its_own_and_the_same_length(tmp_path: Path) -> None:
    """All calls of a trial share one; no two trials do; --cache shared has none."""
    world = World()
    run(world, tmp_path, nonce="secret")
    systems: dict[str, set[str | None]] = {}
    for request in world.sent:
        systems.setdefault(request.id.split("@")[0], set()).add(request.system)

    assert all(len(found) == 1 for found in systems.values())
    assert len(set.union(*systems.values())) == len(systems) == 6
    assert {len(system or "") for found in systems.values() for system in found} == {16}
    shared = World()
    run(shared, tmp_path / "shared")
    assert {request.system for request in shared.sent} == {None}


def test_the_categorys_system_text_is_given_when_asked_for(tmp_path: Path) -> None:
    world = World()
    run(world, tmp_path, system="category")
    assert {request.system for request in world.sent} == {"be kind"}


def test_the_warm_up_leaves_nothing_behind() -> None:
    """It runs the first block, of all methods, and stores no trial."""
    world = World()
    runner(world).warm_up()
    assert {request.id.split("/")[0] for request in world.sent} == {"warmup"}
    assert len(world.sent) == 3


@pytest.mark.parametrize("kind", ["auth", "not_found", "bad_reply", "refused", "dropped", "timeout"])
def test_an_endpoint_that_cannot_be_used_is_found_in_the_warm_up(kind: str) -> None:
    """Before anything is stored, with what came back and from where."""
    world = World(lambda request: Script((), MS, error=Failure(kind, "what came")))  # type: ignore[arg-type]
    with pytest.raises(EndpointUnusable, match="nowhere: what came"):
        runner(world).warm_up()


def test_an_endpoint_that_dies_stops_the_run_and_loses_nothing(tmp_path: Path) -> None:
    """Blocks that were answered stay; the one that was not is not stored, so that it can be run again."""
    world = World(lambda request: FINE if "text of a" in request.text else Script((), MS, error=Failure("refused", "gone")))
    with pytest.raises(EndpointUnusable, match="gone"):
        run(world, tmp_path)
    assert {trial.item for trial in RunDirectory(tmp_path / "run").trials()} == {"a"}


def test_one_failed_prompt_does_not_stop_a_run(tmp_path: Path) -> None:
    """A prompt that the endpoint refuses is a failed trial; the others are answered."""
    world = World(lambda r: Script((), MS, error=Failure("bad_request", "too long")) if "text of b" in r.text else FINE)
    trials = run(world, tmp_path)
    assert {trial.item for trial in trials if trial.failure} == {"b"}


def test_a_plan_that_the_executor_cannot_honour_is_refused_before_the_run() -> None:
    """The message names method, prompt, field and executor; nothing is sent."""

    class Plain(World):
        name = "plain"
        honours = frozenset({"system"})

    world = Plain()
    made = Runner(world, [Serial(), Twice("x")], ITEMS, CATEGORIES, Conditions())
    with pytest.raises(UsageError, match="twice:stop=x on a uses stop, which executor plain cannot honour"):
        made.check()
    assert world.sent == []


def test_a_method_that_gives_no_plan_is_left_to_its_trial() -> None:
    """The check before a run looks at plans alone; what is none fails in its trial, where it is recorded."""

    @dataclass(frozen=True)
    class Listing:
        name: ClassVar[str] = "listing"

        def decompose(self, prompt: Prompt) -> Plan:
            return [prompt.text]  # type: ignore[return-value]

    Runner(World(), [Serial(), Listing()], ITEMS, CATEGORIES, Conditions()).check()


def test_blocks_count_items_times_repeats() -> None:
    assert len(runner(World(), repeats=5).blocks()) == 15
    assert runner(World()).blocks()[0] == Block("a", 0)


FORM = '{"reason": "...", "better": "first | second | tie"}'


@dataclass(frozen=True)
class Versus:
    """A judge that asks a model which of two answers is better, in both orders."""

    name: ClassVar[str] = "versus"
    executor: str = "offline"
    model: str = "mock/gullible"

    def plan(self, case: Case) -> Plan | None:
        assert case.serial is not None
        pairs = [(case.serial.answer, case.trace.answer), (case.trace.answer, case.serial.answer)]
        texts = [f"<answer 1>\n{a}\n</answer 1>\n<answer 2>\n{b}\n</answer 2>\n{FORM}" for a, b in pairs]
        return Plan(tuple(Call(str(k), text, role="judge") for k, text in enumerate(texts)))

    def verdicts(self, case: Case, replies: Sequence[Reply]) -> Iterable[Verdict]:
        said = [json.loads(reply.text)["better"] for reply in replies]
        won = {"second": 1.0, "tie": 0.5, "first": 0.0}[said[0]], {"first": 1.0, "tie": 0.5, "second": 0.0}[said[1]]
        yield Verdict("preference", sum(won) / 2)


def test_a_judges_plan_runs_on_the_executor_it_names(tmp_path: Path) -> None:
    """Its replies come in the order of its calls; trials stay as they are; serial against itself is a tie."""
    trials = run(World(lambda r: Script(((MS, "a long answer " * (1 + r.text.count("1 "))),), MS)), tmp_path)
    bench = Bench({item.id: item for item in ITEMS}, CATEGORIES, load())
    values = {(r["decomposer"], r["value"]) for batch in judge_trials(bench, Versus(), trials) for r in batch}
    assert values == {("serial", 0.5), ("twice", 1.0)}


def test_many_trials_are_judged_in_batches_of_whole_blocks(tmp_path: Path) -> None:
    """Each trial once, beside the serial answer of its own block, and each batch before the next is asked for."""
    some = run(World(lambda r: Script(((MS, "a long answer " * (1 + r.text.count("1 "))),), MS)), tmp_path)
    trials = [replace(trial, repeat=k) for k in range(30) for trial in some]
    taken = 0

    def counted() -> Iterable[Trial]:
        nonlocal taken
        for trial in trials:
            taken += 1
            yield trial

    batches, records = [], []
    for batch in judge_trials(Bench({item.id: item for item in ITEMS}, CATEGORIES, load()), Versus(), counted()):
        batches.append((len(batch), taken))
        records += batch
    assert len(batches) > 2
    assert batches[0][1] < len(trials)
    keys = [(record["item"], record["repeat"], record["decomposer"]) for record in records]
    assert sorted(keys) == sorted((trial.item, trial.repeat, trial.decomposer) for trial in trials)
    assert {(record["decomposer"], record["value"]) for record in records} == {("serial", 0.5), ("twice", 1.0)}


def test_a_budget_finishes_what_it_can_afford_and_stores_it(tmp_path: Path) -> None:
    """No block is begun that would not fit beside those that are open; what was begun is finished, and is on disk."""
    usage = Script(((MS, "yes"),), MS, tokens_in=5, tokens_out=5)
    directory = RunDirectory.create(tmp_path / "run", {"items": []})
    conditions = Conditions(repeats=4, concurrency=4)
    made = Runner(World(lambda request: usage), [Serial(), Twice()], ITEMS, CATEGORIES, conditions, max_total_tokens=170)
    made.warm_up()
    with pytest.raises(BudgetReached, match="150 tokens were used, and about 30 more are needed"):
        made.run(made.blocks(), directory, lambda block, trials: None)

    assert len(list(directory.trials())) == 2 * 4  # of twelve blocks, thirty tokens each, one of them the warm-up


def test_a_serial_answer_that_failed_is_no_baseline(tmp_path: Path) -> None:
    """A judge sees None where serial was not answered, never the empty answer of a failure."""
    seen: list[bool] = []

    @dataclass(frozen=True)
    class Looks:
        name: ClassVar[str] = "looks"

        def plan(self, case: Case) -> Plan | None:
            return None

        def verdicts(self, case: Case, replies: Sequence[Reply]) -> Iterable[Verdict]:
            seen.append(case.serial is None)
            return []

    fails = Script((), MS, error=Failure("bad_request", "no"))
    trials = run(World(lambda request: fails if "serial" in request.id else FINE), tmp_path)
    list(judge_trials(Bench({item.id: item for item in ITEMS}, CATEGORIES, load()), Looks(), trials))
    assert seen == [True] * len(trials)


def test_a_judge_that_asks_a_model_needs_an_executor(tmp_path: Path) -> None:
    bench = Bench({item.id: item for item in ITEMS}, CATEGORIES, load())
    with pytest.raises(UsageError, match="give it an executor"):
        list(judge_trials(bench, Versus(executor=""), run(World(), tmp_path)))
