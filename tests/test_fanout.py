"""Fan-out: groups, warming, declining, merging; no item is lost or invented on the way from a schema to an answer."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppbench import NUMBERED, Plan, Prompt, Request, Schema, Script, VirtualExecutor
from ppbench.execute import Loop
from ppbench.jobs import Job
from ppbench_plugins.decomposers.fanout import FanOut, Regrouped
from ppbench_plugins.decomposers.gain import SLACK, LatencyModel, groups
from ppbench_plugins.decomposers.merges import listed

PROMPT = Prompt("p", "Translate these words: a, b, c, d, e")
WORDS = Schema("Translate {data}.", data=("a", "b", "c", "d", "e"))
ITEMS = st.lists(st.text(min_size=1).filter(str.strip), min_size=2, max_size=20, unique=True)
HOSTILE = ["{data} {context} {n}", "$1 \\1 ${k}", "a \"quoted\" 'one'", "مرحبا {بك}", "<part 1>", "x" * 200_000]


def texts(plan: Plan) -> list[str]:
    return [call.text if isinstance(call.text, str) else "" for call in plan.calls]


@given(st.integers(1, 300), st.integers(1, 300))
def test_groups_hold_every_item_once(count: int, size: int) -> None:
    """As few groups as the size allows, their lengths one apart at most."""
    made = groups(count, size)
    assert sum(made) == count
    assert max(made) <= size
    assert max(made) - min(made) <= 1
    assert len(made) == -(-count // size)


@given(ITEMS, st.integers(1, 6))
def test_every_item_is_asked_for_in_its_order(items: list[str], group: int) -> None:
    """Each item stands in exactly the call of its group, as it is."""
    plan = FanOut(group=group).fan(Prompt("p", "x"), Schema("Do {data}", data=tuple(items)))
    if group >= len(items):
        assert plan.status == "declined"
        return
    held = iter(items)
    for text, size in zip(texts(plan), groups(len(items), group), strict=True):
        at = 0
        for item in [next(held) for _ in range(size)]:
            at = text.index(item, at) + len(item)


@pytest.mark.parametrize("item", HOSTILE, ids=lambda item: item[:20])
@pytest.mark.parametrize("options", [{}, {"group": 2}, {"warm": True}, {"merge": "llm"}, {"merge": "table"}], ids=str)
def test_text_passes_through_unharmed(item: str, options: dict[str, object]) -> None:
    """Braces, dollars, quotes, right-to-left and very long text reach the calls and the answer as they are."""
    schema = Schema("{context}\n\nDo {data}", context=f"Given {item}", data=(item, "other", "third"))
    plan = FanOut(**options).fan(Prompt("p", "x"), schema)  # type: ignore[arg-type]
    assert item in texts(plan)[0]
    answer = plan.merge([f"it is {item}", *["fine"] * (len(plan.answers) - 1)])
    assert item.replace("|", "\\|") in answer


def test_one_group_is_serial() -> None:
    """group = n is the prompt as it is, declined with the reason."""
    plan = FanOut(group=5).fan(PROMPT, WORDS)
    assert (plan.status, texts(plan)) == ("declined", [PROMPT.text])


def test_a_group_is_numbered_and_its_answers_are_cut_again() -> None:
    """Three calls for five items; five entries in the answer, numbered through."""
    plan = FanOut(group=2).fan(PROMPT, WORDS)
    assert [text.splitlines()[0] for text in texts(plan)] == ["Translate 1. a", "Translate 1. c", "Translate e."]
    assert plan.merge(["1. A\n2. B", "1) C\n2) D", "E"]) == "1. A\n2. B\n3. C\n4. D\n5. E"
    assert plan.merge(["A\nB", "- C\n- D", "E"]) == "1. A\n2. B\n3. C\n4. D\n5. E"
    assert not plan.ordered


def test_answers_of_a_group_keep_all_their_lines() -> None:
    """Verses, code and paragraphs stay with their number; JSON arrays and tables are put together."""
    plan = FanOut(group=2).fan(PROMPT, WORDS)
    verses = "1. Roses are red,\n   violets are blue.\n2. Code:\n```\nx = 1\n```"
    assert plan.merge([verses, verses, "E"]) == NUMBERED(
        ["Roses are red,\n   violets are blue.", "Code:\n```\nx = 1\n```"] * 2 + ["E"]
    )
    asked = FanOut(group=2).fan(Prompt("p", "As a JSON array: a, b, c, d"), Schema("Do {data}", data=("a", "b", "c", "d")))
    assert json.loads(asked.merge(['["A", "B"]', '["C", "D"]'])) == ["A", "B", "C", "D"]


@given(st.lists(st.text("ab1.)-* \n", min_size=1, max_size=60), min_size=2, max_size=4))
def test_no_line_of_a_groups_answer_is_lost(answers: list[str]) -> None:
    """Whatever a reply looks like, what it says stands in the merged answer."""
    schema = Schema("Do {data}", data=tuple(f"item {k}" for k in range(2 * len(answers))))
    merged = FanOut(group=2).fan(Prompt("p", "x"), schema).merge(answers)
    said = [word for answer in answers for word in re.findall(r"[ab]+", answer)]
    assert re.findall(r"[ab]+", merged) == said


def test_a_group_whose_answer_cannot_be_cut_stands_as_it_came() -> None:
    """Nothing is lost, and no number is given to what may not be an item."""
    merge = Regrouped((2, 2), NUMBERED, listed(""))
    assert merge(["1. A\n2. B", "C and D"]) == "1. A\n2. B\n\nC and D"


def test_auto_takes_the_largest_group_that_costs_little_time() -> None:
    """One item more in a group would be slower than the slack allows."""
    model = LatencyModel(ttft=1.0, tok=0.01)
    schema = Schema("Do {data}", data=tuple(f"item {k}" for k in range(40)))
    best = model.best_group(schema)
    latency = [model.fan_out(groups(40, k), 8) for k in (1, best, best + 1)]
    assert best > 1
    assert latency[1] <= SLACK * latency[0] < latency[2]
    plan = FanOut(group="auto", ttft=1.0, tok=0.01).fan(PROMPT, schema)
    assert len(plan.calls) == len(groups(40, best))


def test_a_full_machine_answers_in_waves() -> None:
    """Calls beyond the width wait: two waves take twice as long as one."""
    model = LatencyModel(width=2)
    assert model.fan_out([1, 1, 1], 10) == 2 * model.fan_out([1, 1], 10)


def test_a_small_gain_is_declined() -> None:
    """With a long time to first token and short answers splitting gains little, and the reason says how little."""
    plan = FanOut(min_gain=1.5, ttft=10.0).fan(PROMPT, WORDS)
    assert plan.status == "declined"
    assert "min_gain 1.5" in plan.reason
    assert FanOut(min_gain=1.5, ttft=0.01).fan(PROMPT, WORDS).status == "split"


class Sent:
    """A virtual executor that notes when each request left; a reply takes 10 ms to its first token, 10 more to its end."""

    def __init__(self) -> None:
        self.at: dict[str, int] = {}
        self.requests: list[Request] = []
        self.executor = VirtualExecutor(self._respond)

    def _respond(self, request: Request, now_ns: int) -> Script:
        self.at[request.text] = now_ns // 1_000_000
        self.requests.append(request)
        return Script(((10_000_000, "ok "), (20_000_000, "then")), 20_000_000, tokens_in=1, tokens_out=2)

    def run(self, plan: Plan) -> str:
        [outcome] = Loop(self.executor).run([[Job("job", lambda: plan)]])
        assert outcome.failure is None
        return outcome.trace.answer


def test_warming_sends_one_branch_ahead() -> None:
    """The rest leaves at the first token of the first; all share the same opening, byte for byte, up to the breakpoint."""
    schema = Schema("{context}\n\nDo {data}", context="A long text.", data=("a", "b", "c"))
    world = Sent()
    world.run(FanOut(warm=True).fan(Prompt("p", "x"), schema))

    assert list(world.at.values()) == [0, 10, 10]
    assert {request.text[: request.cache_until] for request in world.requests} == {"A long text.\n\nDo "}


def test_without_warming_all_leave_at_once() -> None:
    """No branch waits, and no breakpoint is asked for: a cache write would cost and serve nobody."""
    world = Sent()
    world.run(FanOut().fan(PROMPT, WORDS))
    assert set(world.at.values()) == {0}
    assert all(request.cache_until is None for request in world.requests)


def test_a_model_can_merge() -> None:
    """The merging call sees the prompt and every answer, waits for all, and its reply is the answer."""
    world = Sent()
    assert world.run(FanOut(merge="llm").fan(PROMPT, WORDS)) == "ok then"
    assert world.requests[-1].role == "merge"
    assert PROMPT.text in world.requests[-1].text
    assert world.requests[-1].text.count("ok then") == 5
    assert world.at[world.requests[-1].text] == 20


@given(ITEMS, st.integers(0, 20), st.booleans())
def test_branches_of_a_growing_list_are_those_of_the_whole(items: list[str], known: int, warm: bool) -> None:
    """What may leave while the items still come in reappears unchanged in the plan."""
    fan = FanOut(warm=warm)
    plan = fan.fan(Prompt("p", "x"), Schema("{context}: {data}", context="c", data=tuple(items)))
    early = fan.branches("{context}: {data}", "c", items[:known])
    assert tuple(early) == plan.calls[: len(early)]
    assert len(early) == min(known, len(items))


@pytest.mark.parametrize("fan", [FanOut(group=2), FanOut(group="auto"), FanOut(min_gain=1.1)], ids=str)
def test_branches_that_depend_on_the_whole_do_not_leave_early(fan: FanOut) -> None:
    """A group, or a decision, that needs the number of items waits for it."""
    assert fan.branches("{data}", None, ["a", "b"]) == []


BAD: Sequence[dict[str, object]] = (
    {"group": 0},
    {"tok": 0.0},
    {"ttft": -1.0},
    {"min_gain": -0.1},
    {"ttft": float("nan")},
    {"min_gain": float("inf")},
)


@pytest.mark.parametrize("options", BAD, ids=str)
def test_bad_options_are_refused(options: dict[str, object]) -> None:
    """Numbers that make no sense are told at once."""
    with pytest.raises(ValueError, match="more"):
        FanOut(**options)  # type: ignore[arg-type]
