"""Limits of requests and tokens a minute, and a budget, on a virtual clock: what leaves when, and what is recorded."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ppbench import BudgetReached, Call, Failure, Plan, Request, Script, VirtualExecutor
from ppbench.execute import Loop
from ppbench.jobs import Job, Outcome, Policy
from ppbench.limits import Limiter, Limits

SECOND = 1_000_000_000
QUICK = Script(((SECOND, "ok"),), SECOND, tokens_in=10, tokens_out=10)


class World:
    """Runs plans under limits, and remembers when each request was sent, in seconds."""

    def __init__(self, limits: Limits, answer: Callable[[Request], Script] = lambda request: QUICK) -> None:
        self.sent: list[tuple[float, str]] = []
        self._answer = answer
        self._executor = VirtualExecutor(self._respond)
        self._limiter = Limiter(limits)

    def _respond(self, request: Request, now_ns: int) -> Script:
        self.sent.append((now_ns / SECOND, request.text))
        return self._answer(request)

    def run(self, *plans: Plan, width: int = 1) -> list[Outcome]:
        jobs = [[Job(f"job-{k}", lambda plan=plan: plan)] for k, plan in enumerate(plans)]  # type: ignore[misc]
        return list(Loop(self._executor, Policy(), self._limiter).run(jobs, width))


def flat(names: str, **more: int) -> Plan:
    return Plan(tuple(Call(name, name, **more) for name in names))  # type: ignore[arg-type]


def test_of_any_sixty_seconds_none_holds_more_requests_than_the_limit() -> None:
    """Two leave at once, the third when the first is a minute old; how long each was held is recorded with its call."""
    world = World(Limits(requests_per_minute=2))
    [outcome] = world.run(flat("abcde"))

    assert world.sent == [(0, "a"), (0, "b"), (60, "c"), (60, "d"), (120, "e")]
    assert [span.request.held_ns // SECOND for span in outcome.trace.spans] == [0, 0, 60, 60, 120]
    assert outcome.trace.latency_ns == 121 * SECOND  # waiting is inside


def test_all_plans_share_the_limit_also_from_loop_to_loop() -> None:
    """What another plan has sent counts, whether beside this one or before it."""
    world = World(Limits(requests_per_minute=3))
    world.run(flat("ab"), flat("cd"), width=2)
    world.run(flat("e"))

    assert world.sent == [(0, "a"), (0, "b"), (0, "c"), (60, "d"), (61, "e")]


def test_tokens_are_guessed_before_and_corrected_after() -> None:
    """A guess is a token for four bytes, and the call's own limit; usage takes its place when the reply is there."""
    small = Script(((SECOND, "ok"),), SECOND, tokens_in=1, tokens_out=1)
    world = World(Limits(tokens_per_minute=110), lambda request: small)
    plan = Plan((Call("a", "a" * 40, max_tokens=90), Call("b", "b" * 36, max_tokens=1), Call("c", "c" * 40, max_tokens=1)))
    world.run(plan)

    assert [at for at, _ in world.sent] == [0, 0, 1]  # 100 and 10 fill the minute; a second later they were 2 and 2


def test_of_a_call_without_a_limit_the_longest_answer_so_far_is_expected() -> None:
    """As long as none was seen, one of five hundred tokens: so a crowd does not burst the limit."""
    long = Script(((SECOND, "ok"),), SECOND, tokens_in=10, tokens_out=290)
    world = World(Limits(tokens_per_minute=1000), lambda request: long)
    world.run(flat("abcdefgh"))

    at = [when for when, _ in world.sent]
    assert all(sum(when <= other < when + 60 for other in at) * 300 <= 1000 for when in at)


def test_usage_beyond_the_guess_holds_the_next_back() -> None:
    """What was really used counts for the whole minute."""
    large = Script(((SECOND, "ok"),), SECOND, tokens_in=50, tokens_out=60)
    world = World(Limits(tokens_per_minute=100), lambda request: large)
    world.run(flat("a"), flat("b"))

    assert world.sent == [(0, "a"), (60, "b")]


def test_a_request_larger_than_the_limit_goes_alone() -> None:
    """It would wait for ever else."""
    world = World(Limits(tokens_per_minute=5))
    world.run(Plan((Call("a", "a" * 4), Call("b", "b" * 400))))

    assert [at for at, _ in world.sent] == [0, 60]


def test_an_endpoint_that_asks_to_wait_is_heeded_by_all_plans() -> None:
    """After a 429 with Retry-After nobody sends until then, whether or not there are limits."""
    refused = Script((), SECOND, error=Failure("rate_limit", "slow down", 429, retry_after_s=30.0))
    tries: list[str] = []

    def answer(request: Request) -> Script:
        tries.append(request.text)
        return refused if tries == ["a"] else QUICK

    world = World(Limits(), answer)
    world.run(flat("a"), Plan((Call("b", "b"), Call("c", "c", needs=("b",)))), width=2)

    assert world.sent[:2] == [(0, "a"), (0, "b")]
    assert sorted(text for _, text in world.sent[2:]) == ["a", "c"]
    assert all(at >= 31 for at, _ in world.sent[2:])


def test_without_limits_nothing_is_held() -> None:
    world = World(Limits())
    [outcome] = world.run(flat("abcdefgh"))
    assert {at for at, _ in world.sent} == {0}
    assert {span.request.held_ns for span in outcome.trace.spans} == {0}


def test_a_plan_that_ends_takes_what_was_held_along() -> None:
    """A held request of a plan that failed is never sent, and nobody waits for its turn any more."""
    refused = Script((), SECOND, error=Failure("auth", "no"))
    world = World(Limits(requests_per_minute=2), lambda request: refused if request.text == "a" else QUICK)
    slow = Script(((200 * SECOND, "ok"),), 200 * SECOND, tokens_in=1, tokens_out=1)
    world._answer = lambda request: {"a": refused, "s": slow}.get(request.text, QUICK)
    jobs = [[Job("x", lambda: flat("s"))], [Job("y", lambda: flat("az"))]]
    outcomes = list(Loop(world._executor, Policy(), world._limiter).run(jobs, 2))

    assert [text for _, text in world.sent] == ["s", "a"]
    assert [outcome.failure is None for outcome in outcomes] == [False, True]
    assert outcomes[1].trace.ended_ns == 200 * SECOND


def test_held_time_is_not_taken_from_the_time_that_a_trial_has() -> None:
    """A trial that may take thirty seconds is not over because it was held back for sixty."""
    world = World(Limits(requests_per_minute=1))
    [outcome] = Loop(world._executor, Policy(trial_timeout_s=30), world._limiter).run([[Job("a", lambda: flat("az"))]])

    assert outcome.failure is None
    assert [at for at, _ in world.sent] == [0, 60]


def test_a_trial_does_not_wait_for_what_the_one_before_has_sent() -> None:
    """Before its clock starts there is room for as much as the largest trial so far."""
    world = World(Limits(requests_per_minute=4))
    outcomes = world.run(flat("abc"), flat("def"))

    assert [at for at, _ in world.sent] == [0, 0, 0, 60, 60, 60]
    assert [outcome.trace.latency_ns // SECOND for outcome in outcomes] == [1, 1]


def test_a_budget_stops_the_loop_in_the_middle_of_a_plan() -> None:
    """As soon as the sum is over it."""
    world = World(Limits(tokens_total=50))
    with pytest.raises(BudgetReached, match="60 tokens were used; --max-total-tokens allows 50"):
        world.run(flat("abcde"))


def test_without_usage_what_was_said_and_heard_counts() -> None:
    """A token for four bytes; failed attempts count too, if they were sent."""
    silent = Script(((SECOND, "x" * 40),), SECOND)
    world = World(Limits(tokens_total=29), lambda request: silent)
    with pytest.raises(BudgetReached, match="30 tokens were used"):
        world.run(Plan((Call("a", "a" * 20), Call("b", "b" * 20), Call("c", "c", needs=("b",)))))
