"""The loop, on a virtual clock: what is released when, what is retried, what a trace says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest

from ppbench import NUMBERED, Call, Failure, Join, Plan, Prompt, Request, Script, VirtualExecutor
from ppbench.execute import Loop
from ppbench.jobs import Job, Outcome, Policy

MS = 1_000_000
PROMPT = Prompt("p", "do it all")


def script(text: str = "ok", *, first: int = 10, gap: int = 1) -> Script:
    """A reply of one chunk a word: the first after `first` ms, then one each `gap` ms."""
    words = text.split(" ")
    pieces = [word + " " for word in words[:-1]] + words[-1:]
    chunks = tuple(((first + k * gap) * MS, piece) for k, piece in enumerate(pieces))
    return Script(chunks, chunks[-1][0], tokens_in=1, tokens_out=len(words))


def failing(kind: str, after: int = 5, **more: object) -> Script:
    return Script((), after * MS, error=Failure(kind, "planted", **more))  # type: ignore[arg-type]


class World:
    """A virtual executor that remembers when each request was sent."""

    def __init__(self, answer: Callable[[Request], Script], max_in_flight: int = 64) -> None:
        self.sent: list[tuple[int, str]] = []
        self._answer = answer
        self.executor = VirtualExecutor(self._respond, max_in_flight)

    def _respond(self, request: Request, now_ns: int) -> Script:
        self.sent.append((now_ns // MS, request.text))
        return self._answer(request)

    def run(self, plan: Plan | Callable[[], Plan], **policy: float) -> Outcome:
        decompose = plan if callable(plan) else lambda: plan
        job = Job("job", decompose, fallback=lambda reason: Plan.fallback(PROMPT, reason))
        [outcome] = Loop(self.executor, Policy(**policy)).run([[job]])  # type: ignore[arg-type]
        return outcome


def flat(*names: str) -> Plan:
    return Plan(tuple(Call(name, name) for name in names))


def test_branches_run_at_the_same_time() -> None:
    """Independent calls leave together, and the latency is that of the slowest."""
    world = World(lambda request: script("w " * 3 + "w" if request.text == "b" else "w"))
    outcome = world.run(flat("a", "b", "c"))

    assert world.sent == [(0, "a"), (0, "b"), (0, "c")]
    assert outcome.trace.latency_ns == 13 * MS
    assert outcome.trace.answer == "w\n\nw w w w\n\nw"


def test_a_call_waits_for_what_it_needs_and_sees_the_answers() -> None:
    """A dependent call leaves when its needs are answered, with their answers in its text."""
    world = World(lambda request: script(request.text.upper()))
    plan = Plan((Call("a", "x"), Call("b", "y"), Call("c", lambda got: f"{got['a']}+{got['b']}", needs=("a", "b"))))
    outcome = world.run(plan)

    assert world.sent == [(0, "x"), (0, "y"), (10, "X+Y")]
    assert outcome.trace.answer == "X+Y"


def test_after_releases_at_the_first_token() -> None:
    """Warm then fan: a call listed in `after` is needed only up to its first visible token."""
    world = World(lambda request: script("1 2 3 4 5"))
    world.run(Plan((Call("warm", "w"), Call("b", "b", after=("warm",)), Call("c", "c", after=("warm",)))))

    assert world.sent == [(0, "w"), (10, "b"), (10, "c")]


def test_a_call_expands_into_a_plan_whose_answer_stands_for_it() -> None:
    """The expanded plan's merged answer is what a dependent call sees, and the planning call is no part of it."""
    inner = Plan((Call("1", "one"), Call("2", "two")), Join(" & "))
    plan = Plan((Call("p", "plan", role="plan", expand=lambda _: inner), Call("m", lambda got: got["p"], needs=("p",))))
    world = World(lambda request: script(request.text))
    outcome = world.run(plan)

    assert [text for _, text in world.sent] == ["plan", "one", "two", "one & two"]
    assert [span.request.id for span in outcome.trace.spans] == ["job@1/p", "job@1/p/1", "job@1/p/2", "job@1/m"]


def test_expansion_nests() -> None:
    """A call of an expanded plan may expand again, to any depth."""

    def deeper(depth: int) -> Plan:
        return Plan((Call("d", str(depth), expand=(lambda _: deeper(depth - 1)) if depth else None),))

    outcome = World(lambda request: script(request.text)).run(deeper(4))
    assert outcome.trace.answer == "0"
    assert len(outcome.trace.spans) == 5


def test_branches_of_a_streaming_plan_start_early() -> None:
    """Calls that `expand_stream` knows leave while the planning reply still streams, and are not sent twice."""

    def known(text: str) -> list[Call]:
        return [Call(word, word) for word in text.split(" ")[:-1]]

    def expand(text: str) -> Plan:
        return Plan(tuple(Call(word, word) for word in text.split(" ")), Join(" "))

    plan = Plan((Call("p", "plan", role="plan", expand=expand, expand_stream=known),))
    world = World(lambda request: script("a b c", gap=20) if request.text == "plan" else script(request.text))
    outcome = world.run(plan)

    assert world.sent == [(0, "plan"), (10, "a"), (30, "b"), (50, "c")]
    assert outcome.trace.answer == "a b c"


def test_ttft_of_an_early_branch_is_not_before_its_plan_is_known() -> None:
    """Until the planning reply ends nobody knows whose answer comes first: an early token is no visible one."""
    early = [Call("a", "a"), Call("b", "b")]
    plan = Plan((Call("p", "plan", role="plan", expand=lambda _: Plan(tuple(early)), expand_stream=lambda _: early),))
    seen: list[tuple[int, str]] = []
    world = World(lambda request: script("p " * 40 + "p" if request.text == "plan" else "w w w"))
    job = Job("job", lambda: plan, show=lambda text: seen.append((world.executor.now(), text)))
    [outcome] = Loop(world.executor).run([[job]])

    assert outcome.trace.visible_ns == 50 * MS == seen[0][0]


def test_a_plan_that_takes_back_a_released_branch_falls_back() -> None:
    """`expand_stream` is prefix-stable, or the trial falls back to serial with the reason."""
    plan = Plan((Call("p", "plan", expand=lambda _: flat("z"), expand_stream=lambda _: [Call("a", "a")]),))
    outcome = World(lambda request: script("x y")).run(plan)

    assert outcome.trace.status == "fallback"
    assert "'a' was released early" in outcome.trace.reason


def test_a_streaming_plan_that_gives_up_says_why() -> None:
    """A fallback that `expand` returns after branches left keeps its own reason."""
    early = [Call("a", "a")]
    plan = Plan((Call("p", "plan", expand=lambda _: Plan.fallback(PROMPT, "cut off"), expand_stream=lambda _: early),))
    outcome = World(lambda request: script("p " * 5 + "p" if request.text == "plan" else "w")).run(plan)

    assert (outcome.trace.status, outcome.trace.reason) == ("fallback", "cut off")


def test_a_branch_that_changes_after_its_release_falls_back() -> None:
    """A released call must reappear as it was: the same id with another text is another call."""
    plan = Plan((Call("p", "plan", expand=lambda _: Plan((Call("a", "new"),)), expand_stream=lambda _: [Call("a", "old")]),))
    assert World(lambda request: script("x y")).run(plan).trace.status == "fallback"


def test_a_prefix_is_part_of_what_a_plan_is_read_from() -> None:
    """`expand` and `expand_stream` see the prefix and the reply as one text."""
    seen: list[str] = []

    def known(text: str) -> list[Call]:
        seen.append(text)
        return []

    def expand(text: str) -> Plan:
        seen.append(text)
        return flat("a")

    plan = Plan((Call("p", "plan", prefix="1.", expand=expand, expand_stream=known),))
    World(lambda request: script("x y")).run(plan)
    assert seen == ["1.x ", "1.x y", "1.x y"]


def test_what_is_left_of_a_plan_that_was_given_up_is_no_failure() -> None:
    """Calls nested in the failed plan end as cancelled; the fallback that runs meanwhile is not hurt by them."""
    nested = Plan((Call("x", "slow"),))
    plan = Plan((Call("p", "plan", expand=lambda _: nested), Call("b", "bad")))
    replies = {"plan": script(), "bad": failing("bad_request", after=20), "slow": script(first=50), PROMPT.text: script("fine")}
    outcome = World(lambda request: replies[request.text]).run(plan)

    assert (outcome.failure, outcome.trace.status, outcome.trace.answer) == (None, "fallback", "fine")
    assert {s.request.text: s.reply.error.kind for s in outcome.trace.spans if s.reply.error} == {
        "bad": "bad_request",
        "slow": "cancelled",
    }


def test_ttft_is_the_first_token_of_the_first_sink() -> None:
    """With an ordered join the answer shows as soon as its first part does; an earlier token of another part is none."""
    world = World(lambda request: script("x y z", first={"a": 30, "b": 5}[request.text]))
    assert world.run(flat("a", "b")).trace.ttft_ns == 30 * MS


def test_ttft_of_a_merge_that_is_no_join_is_the_end() -> None:
    """An answer that must be whole before it can be merged is first seen when it is merged."""
    plan = Plan((Call("a", "a"), Call("b", "b")), merge=lambda texts: "".join(reversed(texts)))
    outcome = World(lambda request: script("x y z")).run(plan)
    assert outcome.trace.ttft_ns == outcome.trace.latency_ns == 12 * MS


def test_a_failed_call_is_retried_and_every_attempt_kept() -> None:
    """A 429 is tried again after Retry-After; both attempts are in the span, and the trial is not clean."""
    replies = [failing("rate_limit", retry_after_s=3.0), script("fine")]
    outcome = World(lambda request: replies.pop(0)).run(flat("a"))
    [span] = outcome.trace.spans

    assert outcome.failure is None
    assert [reply.error.kind for reply in span.failed if reply.error] == ["rate_limit"]
    assert span.reply.sent_ns == (5 + 3000) * MS
    assert not outcome.trace.clean


def test_a_lasting_failure_is_not_retried() -> None:
    """A refused key is not tried again."""
    world = World(lambda request: failing("auth"))
    outcome = world.run(Plan.serial(PROMPT))
    assert len(world.sent) == 1
    assert outcome.failure == "call serial failed: auth: planted"


def test_a_branch_that_fails_for_good_falls_back_to_serial() -> None:
    """Time and replies of the failed plan stay in the trace; what still flies is stopped; the answer is serial's."""
    world = World(lambda request: failing("bad_request") if request.text == "b" else script("w " * 50 + "w"))
    outcome = world.run(flat("a", "b"))
    kept = {span.request.id: span.reply for span in outcome.trace.spans}

    assert outcome.failure is None
    assert (outcome.trace.status, outcome.trace.parts) == ("fallback", ("w " * 50 + "w",))
    assert world.sent == [(0, "a"), (0, "b"), (5, PROMPT.text)]
    assert kept["job@1/a"].error is not None
    assert kept["job@1/a"].error.kind == "cancelled"
    assert outcome.trace.latency_ns == (5 + 60) * MS


def test_a_paid_reply_is_never_thrown_away() -> None:
    """A branch that was answered before another one failed is in the trace of the fallback."""
    world = World(lambda request: failing("bad_request", after=90) if request.text == "b" else script("paid"))
    outcome = world.run(flat("a", "b"))
    assert [span.reply.text for span in outcome.trace.spans if span.request.id == "job@1/a"] == ["paid"]


def test_a_serial_plan_that_fails_does_not_fall_back_to_itself() -> None:
    """Serial, a decline and a fallback fail; they are not sent a second time under another name."""
    for plan in (Plan.serial(PROMPT), Plan.decline(PROMPT, "small"), Plan.fallback(PROMPT, "lost")):
        world = World(lambda request: failing("bad_request"))
        assert world.run(plan).failure
        assert len(world.sent) == 1


def test_a_failed_trial_keeps_what_was_paid_for() -> None:
    """A trial that fails after some replies has them in its trace."""
    plan = Plan((Call("a", "a"), Call("b", "b", needs=("a",), expand=lambda _: flat("c"))))
    outcome = World(lambda r: failing("auth") if r.text in ("c", PROMPT.text) else script("yes")).run(plan)
    assert outcome.failure
    assert [s.reply.text for s in outcome.trace.spans if s.reply.error is None] == ["yes", "yes"]


@pytest.mark.parametrize("place", ["decompose", "expand", "text", "merge"])
def test_a_method_that_raises_fails_its_trial_alone(place: str) -> None:
    """An exception anywhere in a method is a failed trial with its message, and the next job runs."""

    def boom(*_: object) -> object:
        raise RuntimeError("broken here")

    plans: dict[str, Callable[[], Plan]] = {
        "decompose": boom,  # type: ignore[dict-item]
        "expand": lambda: Plan((Call("a", "a", expand=boom),)),  # type: ignore[arg-type]
        "text": lambda: Plan((Call("a", boom),)),  # type: ignore[arg-type]
        "merge": lambda: Plan((Call("a", "a"),), merge=boom),  # type: ignore[arg-type]
    }
    world = World(lambda request: script())
    jobs = [Job("bad", plans[place]), Job("good", lambda: flat("x"))]
    bad, good = Loop(world.executor).run([jobs])

    assert "broken here" in (bad.failure or "")
    assert good.failure is None


@pytest.mark.parametrize(
    ("plan", "complaint"),
    [
        (lambda: None, "decompose gave None, which is no Plan"),
        (lambda: Plan((Call("a", "a", expand=lambda _: "x"),)), "expand gave 'x', which is no Plan"),  # type: ignore[arg-type, return-value]
        (lambda: Plan((Call("a", lambda _: 3),)), "its text gave 3, which is no str"),  # type: ignore[arg-type, return-value]
        (lambda: Plan((Call("a", "a"),), merge=len), "the merge gave 1, which is no str"),  # type: ignore[arg-type]
    ],
)
def test_a_method_that_gives_the_wrong_thing_fails_its_trial(plan: Callable[[], Plan], complaint: str) -> None:
    """What a method returns is checked where it is returned; the run goes on."""
    assert complaint in (World(lambda request: script()).run(plan).failure or "")


def test_a_trial_ends_at_its_deadline() -> None:
    """What is not answered in time fails, its requests are stopped, and the next trial starts after them."""
    world = World(lambda request: script(first=10_000) if request.text == "slow" else script())
    jobs = [Job("slow", lambda: flat("slow")), Job("next", lambda: flat("x"))]
    slow, after = Loop(world.executor, Policy(trial_timeout_s=2.0)).run([jobs])

    assert "not answered within 2 s" in (slow.failure or "")
    assert slow.trace.ended_ns == 2000 * MS
    assert after.trace.started_ns == 2000 * MS
    assert after.failure is None


def test_a_deadline_during_a_back_off_ends_the_trial() -> None:
    """A trial that waits to try again is not kept past its deadline, and its last attempt is recorded."""
    outcome = World(lambda r: failing("rate_limit", retry_after_s=60.0)).run(Plan.serial(PROMPT), trial_timeout_s=1.0)
    assert outcome.trace.ended_ns == 1000 * MS
    assert [s.reply.error.kind for s in outcome.trace.spans if s.reply.error] == ["rate_limit"]


def test_who_watches_sees_the_answer_grow_in_order() -> None:
    """Parts show up in order, each while it streams once those before it are done; nothing shown is taken back."""
    seen: list[str] = []
    world = World(lambda request: script("s s s s" if request.text == "a" else "q q", gap=10))
    plan = Plan((Call("p", "plan", role="plan", expand=lambda _: Plan((Call("a", "a"), Call("b", "b")), NUMBERED)),))
    list(Loop(world.executor).run([[Job("job", lambda: plan, show=seen.append)]]))

    assert seen[0] == "1. s"
    assert seen[-1] == "1. s s s s\n2. q q"
    assert all(later.startswith(earlier) for earlier, later in pairwise(seen))


def test_who_watches_a_merge_that_is_no_join_sees_nothing() -> None:
    """What cannot be shown in part is not."""
    seen: list[str] = []
    plan = Plan((Call("a", "a"), Call("b", "b")), lambda parts: "/".join(reversed(parts)))
    list(Loop(World(lambda request: script()).executor).run([[Job("job", lambda: plan, show=seen.append)]]))

    assert seen == []


def test_a_full_executor_queues_inside_the_latency() -> None:
    """Calls beyond max_in_flight wait in our own queue, and the trace says for how long."""
    outcome = World(lambda request: script(), max_in_flight=1).run(flat("a", "b", "c"))
    assert outcome.trace.latency_ns == 30 * MS
    assert outcome.trace.queue_ns == (10 + 20) * MS


def test_lanes_run_side_by_side_and_jobs_of_a_lane_one_after_another() -> None:
    """Two lanes overlap; within a lane a job starts when the one before has ended."""
    world = World(lambda request: script())
    lanes = [[Job(f"{lane}{k}", lambda lane=lane, k=k: flat(f"{lane}{k}")) for k in (1, 2)] for lane in "ab"]  # type: ignore[misc]
    outcomes = list(Loop(world.executor).run(lanes, width=2))

    assert world.sent == [(0, "a1"), (0, "b1"), (10, "a2"), (10, "b2")]
    assert len(outcomes) == 4


def test_system_texts_open_with_the_nonce_and_reach_solve_calls_alone() -> None:
    """Every call of a trial carries its nonce; the run's system text goes to solve calls; a call's own one stays."""
    seen: dict[str, str | None] = {}

    def answer(request: Request) -> Script:
        seen[request.text] = request.system
        return script()

    plan = Plan((Call("a", "a"), Call("b", "b", role="plan"), Call("c", "c", role="merge", system="own")))
    list(Loop(World(answer).executor).run([[Job("j", lambda: plan, system="be brief", nonce="[n]")]]))
    assert seen == {"a": "[n]\nbe brief", "b": "[n]", "c": "[n]\nown"}


def test_a_prefix_opens_the_answer() -> None:
    """The answer of a call with a prefix is the prefix and what came after it."""
    outcome = World(lambda request: script("B C")).run(Plan((Call("a", "x", prefix="A "),)))
    assert outcome.trace.answer == "A B C"


def test_an_executor_that_loses_a_request_does_not_hang_the_run() -> None:
    """A cancelled request that never ends is given up after a grace, and is on record as cancelled."""

    class Forgets(VirtualExecutor):
        def cancel(self, request_id: str) -> None:
            pass

    executor = Forgets(lambda request, now: script(first=3_600_000))
    jobs = [Job(name, lambda: Plan.serial(PROMPT)) for name in ("one", "two")]
    one, two = Loop(executor, Policy(trial_timeout_s=1.0)).run([jobs])

    assert [s.reply.error.kind for s in one.trace.spans if s.reply.error] == ["cancelled"]
    assert one.last_error is not None
    assert one.last_error.kind == "timeout"
    assert two.trace.started_ns == 6000 * MS


def test_a_branch_that_declines_leaves_the_plan_a_split() -> None:
    """Only what stands for the whole trial declines it; a failed branch beside it still falls back."""
    decline = Plan.decline(PROMPT, "small")
    plan = Plan((Call("a", "a", expand=lambda _: decline), Call("b", "b")))
    assert World(lambda request: script()).run(plan).trace.status == "split"
    replies = {"a": script(), "b": failing("bad_request", after=40), PROMPT.text: script()}
    assert World(lambda request: replies[request.text]).run(plan).trace.status == "fallback"
    router = Plan((Call("r", "r", expand=lambda _: decline),))
    assert World(lambda request: script()).run(router).trace.status == "declined"


def test_a_branch_released_early_can_warm_another() -> None:
    """`after` works between calls that a streaming plan makes known at different times."""
    a, b = Call("a", "a"), Call("b", "b", after=("a",))
    known = {"x ": [a], "x y ": [a, b]}
    plan = Plan((Call("p", "p", expand=lambda _: Plan((a, b)), expand_stream=lambda text: known.get(text, [])),))
    world = World(lambda request: script("x y z", gap=20) if request.text == "p" else script("1 2 3", first=50, gap=50))
    world.run(plan)
    assert world.sent == [(0, "p"), (10, "a"), (60, "b")]


def test_a_field_that_the_executor_cannot_honour_is_refused() -> None:
    """A request is never sent with a field silently left out."""

    class Plain(VirtualExecutor):
        honours = frozenset({"system"})

    executor = Plain(lambda request, now: script())
    [outcome] = Loop(executor).run([[Job("j", lambda: Plan((Call("a", "a", prefix="P"),)))]])
    assert "cannot honour prefix" in (outcome.failure or "")


def test_the_same_seed_gives_the_same_run() -> None:
    """Back-off jitter comes from the seed alone."""

    def ended(seed: int) -> int:
        replies = [failing("server"), failing("server"), script()]
        return World(lambda request: replies.pop(0)).run(flat("a"), seed=seed).trace.ended_ns

    assert ended(1) == ended(1)
    assert ended(1) != ended(2)


def test_stamps_stand_in_their_order() -> None:
    """ready <= queued <= sent <= first token <= each chunk <= done, on one clock."""

    def stamps(outcome: Outcome) -> Sequence[int]:
        [span] = outcome.trace.spans
        reply = span.reply
        assert reply.first_ns is not None
        return [span.request.ready_ns, reply.queued_ns, reply.sent_ns, reply.first_ns, *reply.chunks_ns, reply.done_ns]

    found = stamps(World(lambda request: script("a b c")).run(flat("a")))
    assert list(found) == sorted(found)
