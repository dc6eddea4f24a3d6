"""The one loop that schedules plans for every executor: releases, expands, retries, cancels, and keeps the stamps.

It asks the executor for the time and never reads another clock, so it runs alike on sockets and on a virtual
clock. Knows no provider, no file and no judge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from heapq import heappop, heappush
from itertools import islice
from typing import Any

from ppbench.attempts import backoff, expect, request_of
from ppbench.hookspecs import Executor
from ppbench.jobs import BUGS, GRACE_NS, SECOND, UNTIMED_LANES, UNTIMED_S, Execution, Job, Outcome, Policy, is_untimed
from ppbench.limits import Limiter, Outbox
from ppbench.plan import Plan
from ppbench.scope import Node, Scope
from ppbench.trace import RETRYABLE, Failure, Progress, Reply


class Loop:
    """Runs jobs over one executor, `width` lanes at a time."""

    def __init__(self, executor: Executor, policy: Policy = Policy(), limiter: Limiter | None = None) -> None:
        self._executor = executor
        self._policy = replace(policy, trial_timeout_s=UNTIMED_S) if is_untimed(executor) else policy
        self._limiter = limiter or Limiter()
        self._outbox = Outbox(executor, self._limiter)
        self._nodes: dict[str, tuple[Execution, Node]] = {}
        self._timers: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0
        self._running: set[Execution] = set()
        self._done: list[Execution] = []

    def run(self, lanes: Iterable[Iterable[Job]], width: int = 1) -> Iterator[Outcome]:
        """Take up to `width` lanes at once; the jobs of a lane run one after another. Yields as jobs end.

        `lanes` is asked for the next one only when a lane ends, so a caller may append to it meanwhile.
        """
        waiting, width = iter(lanes), max(width, UNTIMED_LANES) if is_untimed(self._executor) else width
        lane_of: dict[Execution, Iterator[Job]] = {}
        for lane in islice(waiting, width):
            self._next_job(iter(lane), lane_of)
        while lane_of:
            self._step()
            done, self._done = self._done, []
            for execution in done:
                lane = lane_of.pop(execution)
                assert execution.outcome is not None
                yield execution.outcome
                if not self._next_job(lane, lane_of):
                    for fresh in islice(waiting, width - len(lane_of)):
                        self._next_job(iter(fresh), lane_of)

    def _next_job(self, lane: Iterator[Job], lane_of: dict[Execution, Iterator[Job]]) -> bool:
        job = next(lane, None)
        if job is None:
            return False
        lane_of[self._start(job)] = lane
        return True

    # One job

    def _start(self, job: Job) -> Execution:
        if not self._nodes and not self._outbox:
            self._outbox.rest()
        now = self._executor.now()
        execution = Execution(job, now, now + int(self._policy.trial_timeout_s * SECOND))
        self._running.add(execution)
        try:
            plan = expect(Plan, job.decompose(), "decompose")
        except BUGS as error:  # a method's own bug: its trial fails, the run goes on
            self._finish(execution, failure=f"decompose raised {_say(error)}")
            return execution
        execution.decompose_ns = self._executor.now() - execution.started_ns
        execution.root = self._open(execution, plan, parent=None)
        return execution

    def _open(self, execution: Execution, plan: Plan, *, parent: Node | None) -> Scope:
        """Begin a plan: the trial's own, or the one that a call expanded into."""
        if plan.status != "split" and (parent is None or parent.alone):
            execution.status, execution.reason = plan.status, plan.reason
        execution.plans += 1
        path = f"{parent.path}/" if parent else f"{execution.job.key}@{execution.plans}/"
        scope = Scope(path, parent)
        scope.adopt(plan)
        self._release(execution, scope.add(plan.calls))
        return scope

    def _release(self, execution: Execution, nodes: Iterable[Node]) -> None:
        for node in nodes:
            if execution.outcome is not None:
                return
            try:
                request = request_of(execution.job, node, self._executor)
            except BUGS as error:
                self._finish(execution, failure=f"call {node.path}: {_say(error)}")
                return
            node.request = request
            self._send(execution, node)

    def _send(self, execution: Execution, node: Node) -> None:
        assert node.request is not None
        request = node.request if not node.failed else replace(node.request, id=node.attempt_id)
        execution.flying.add(request.id)
        self._nodes[request.id] = (execution, node)
        self._outbox.put(request)

    # Events

    def _step(self) -> None:
        """Send what is ready, then take the next event or the next timer."""
        self._limiter.check()
        for name, held_ns in self._outbox.flush() if self._outbox else ():
            self._nodes[name][0].hold(self._nodes[name][1], held_ns)
        if self._done:
            return
        event = self._executor.wait(self._next_alarm())
        if isinstance(event, Reply):
            self._on_reply(event)
        elif isinstance(event, Progress):
            self._on_progress(event)
        self._ring()

    def _next_alarm(self) -> int:
        alarms = [execution.deadline_ns for execution in self._running if not self._outbox.holds(execution.flying)]
        alarms += [timer[0] for timer in self._timers[:1]] + self._outbox.alarms
        return min(alarms, default=self._executor.now())

    def _ring(self) -> None:
        """Run the timers that are due and end the trials whose time is up."""
        now = self._executor.now()
        while self._timers and self._timers[0][0] <= now:
            heappop(self._timers)[2]()
        for execution in [e for e in self._running if e.deadline_ns <= now and not self._outbox.holds(e.flying)]:
            if execution.outcome is None:
                limit = f"not answered within {self._policy.trial_timeout_s:g} s"
                late = Failure("timeout", limit)
                self._finish(execution, failure=f"{limit}; raise --trial-timeout to wait longer", error=late)
            else:
                self._give_up(execution)

    def _give_up(self, execution: Execution) -> None:
        """Stop waiting for the end of requests that were cancelled long ago."""
        gone = Failure("cancelled", f"no end came within {GRACE_NS / SECOND:g} s of its being cancelled")
        for name in list(execution.flying):
            execution.record(self._nodes.pop(name)[1], Reply(name, done_ns=self._executor.now(), error=gone))
        execution.flying.clear()
        self._close(execution)

    def _on_progress(self, progress: Progress) -> None:
        if progress.request_id not in self._nodes:
            return
        execution, node = self._nodes[progress.request_id]
        if execution.outcome is not None or not node.live or not progress.text:
            return
        self._release(execution, node.scope.warmed(node.call.id))
        node.said = progress.text
        execution.show()
        if node.call.expand_stream is None:
            return
        try:
            self._branch_early(execution, node, (node.call.prefix or "") + progress.text)
        except BUGS as error:
            self._finish(execution, failure=f"expand_stream of {node.path} raised {_say(error)}")

    def _branch_early(self, execution: Execution, node: Node, text: str) -> None:
        assert node.call.expand_stream is not None
        known = {call.id: call for call in reversed(tuple(node.call.expand_stream(text)))}
        calls = [call for call in reversed(known.values()) if not (node.branch and node.branch.has(call.id))]
        if calls:
            node.branch = node.branch or Scope(f"{node.path}/", node)
            self._release(execution, node.branch.add(calls))

    def _on_reply(self, reply: Reply) -> None:
        execution, node = self._nodes.pop(reply.request_id, (None, None))
        if execution is None or node is None:
            return  # given up already
        self._limiter.settle(reply, node.request, self._executor.now())
        execution.flying.discard(reply.request_id)
        over = execution.outcome is not None or not node.live
        if not over and reply.error is not None and self._try_again(execution, node, reply):
            return
        execution.record(node, reply)
        if over:
            self._close(execution)
        elif reply.error is not None:
            error = reply.error
            self._fall_back(execution, f"call {node.call.id} failed: {error.kind}: {error.message}", error)
        else:
            self._take_answer(execution, node, reply)

    def _try_again(self, execution: Execution, node: Node, reply: Reply) -> bool:
        """Schedule another attempt; False if the failure is final. Every attempt is kept."""
        assert reply.error is not None
        tries = len(node.failed) + 1
        if reply.error.kind not in RETRYABLE or tries >= self._policy.max_tries:
            return False
        node.failed.append(reply)
        pause = max(backoff(tries, self._policy.seed, node.attempt_id), reply.error.retry_after_s or 0.0)
        pause = min(pause, self._policy.trial_timeout_s)  # an endpoint may name any number
        execution.resting[node.attempt_id] = node
        self._count += 1
        due = self._executor.now() + int(pause * SECOND)
        heappush(self._timers, (due, self._count, lambda: self._resend(execution, node)))
        return True

    def _resend(self, execution: Execution, node: Node) -> None:
        if execution.resting.pop(node.attempt_id, None):
            self._send(execution, node)

    def _fall_back(self, execution: Execution, reason: str, error: Failure | None = None) -> None:
        """A branch failed for good: the plan falls back to serial, or, being serial, fails. Both were paid for."""
        if execution.status or execution.job.fallback is None:
            self._finish(execution, failure=reason, error=error)
            return
        assert execution.root is not None
        execution.root.kill()
        self._cancel_all(execution)
        execution.root = self._open(execution, execution.job.fallback(reason), parent=None)

    def _cancel_all(self, execution: Execution) -> None:
        """Stop what still flies. What was not sent is dropped; of a call between two attempts the last one stands."""
        for name in self._outbox.drop(execution.flying):
            execution.flying.discard(name)
            del self._nodes[name]
        execution.drop_resting()
        for name in execution.flying:
            self._executor.cancel(name)

    def _take_answer(self, execution: Execution, node: Node, reply: Reply) -> None:
        self._release(execution, node.scope.warmed(node.call.id))
        node.visible_ns = reply.first_ns
        text = (node.call.prefix or "") + reply.text
        if node.call.expand is None:
            self._answer(execution, node, text)
            return
        try:
            plan = expect(Plan, node.call.expand(text), "expand")
        except BUGS as error:
            self._finish(execution, failure=f"expand of {node.path} raised {_say(error)}")
            return
        self._expand(execution, node, plan)

    def _expand(self, execution: Execution, node: Node, plan: Plan) -> None:
        early = node.branch
        if early is None:
            node.branch = self._open(execution, plan, parent=node)
            return
        changed = early.differs(plan)
        if changed:
            reason = f"call {changed!r} was released early and is not in the plan, or differs there"
            self._fall_back(execution, plan.reason if plan.status != "split" else reason)
            return
        early.adopt(plan, self._executor.now())
        self._release(execution, early.add([call for call in plan.calls if not early.has(call.id)]))
        self._settle(execution, early)

    def _answer(self, execution: Execution, node: Node, text: str) -> None:
        self._release(execution, node.scope.answered(node.call.id, text))
        execution.show()
        self._settle(execution, node.scope)

    def _settle(self, execution: Execution, scope: Scope) -> None:
        """Merge a plan whose calls are all answered, and hand its answer up."""
        if execution.outcome is not None or not scope.complete:
            return
        assert scope.plan is not None
        before = self._executor.now()
        parts = scope.parts()
        try:
            answer = expect(str, scope.plan.merge(parts), "the merge")
        except BUGS as error:
            self._finish(execution, failure=f"the merge raised {_say(error)}")
            return
        now = self._executor.now()
        execution.merge_ns += now - before
        visible = scope.first_visible() if scope.plan.ordered else now
        if scope.parent is None:
            self._finish(execution, answer=answer, parts=parts, visible_ns=visible)
        else:
            scope.parent.visible_ns = visible
            self._answer(execution, scope.parent, answer)

    def _finish(self, execution: Execution, **end: Any) -> None:
        """End a trial, well (`answer, parts, visible_ns`) or not (`failure, error`), and stop what still flies."""
        if execution.outcome is None:
            execution.end(self._executor.now(), **end)
            self._cancel_all(execution)
            self._close(execution)

    def _close(self, execution: Execution) -> None:
        """Report the job once nothing of it flies any more, so that trials never overlap with leftovers."""
        if execution.outcome is not None and not execution.flying:
            trace = replace(execution.outcome.trace, spans=tuple(execution.spans))
            execution.outcome = replace(execution.outcome, trace=trace)
            self._limiter.remember_trial(*execution.size())
            self._running.discard(execution)
            self._done.append(execution)


def _say(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
