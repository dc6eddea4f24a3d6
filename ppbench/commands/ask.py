"""`ppbench ask`: one prompt through the one loop, the merged answer on stdout as it arrives.

Watching a reply costs time, so its figures are for the eye; `ppbench run` measures. Stores nothing and judges nothing.
"""

from __future__ import annotations

import re
import sys
from typing import Any, TextIO, get_args

import click

from ppbench import plugins as loader
from ppbench.commands.common import asked_item, json_text, plain, refuse_empty_url, refuse_unlabelled
from ppbench.commands.outside import blame, plugin_option
from ppbench.errors import BrokenPlugin, EndpointUnusable, PpbenchError, TooManyFailures
from ppbench.execute import Loop
from ppbench.hookspecs import Decomposer, Executor
from ppbench.jobs import Job, Outcome, Policy
from ppbench.model import Item
from ppbench.plan import Plan, Role
from ppbench.specs import spec_of
from ppbench.trace import UNUSABLE, Reply, Span, Trace

_MS = 1_000_000
_HALF = re.compile(r"[\ud800-\udfff]")


@click.command()
@click.argument("prompt")
@click.option("-d", "--decomposer", "--method", "spec", default="schema", show_default=True, metavar="SPEC")
@click.option("-e", "--executor", default="native", metavar="SPEC", show_default=True, help="Who sends.")
@click.option("-m", "--model", metavar="PROVIDER/NAME", help="Model, e.g. openai/gpt-5.5; without one, mock/quick.")
@click.option("--base-url", metavar="URL", help="Endpoint, e.g. http://127.0.0.1:8000/v1.")
@click.option("--max-in-flight", type=click.IntRange(1), help="Requests in flight at most.")
@click.option("--max-tries", type=click.IntRange(1), default=3, show_default=True, help="Attempts a call.")
@click.option(
    "--trial-timeout", type=click.FloatRange(min=0, max=1e6, min_open=True), default=600.0, show_default=True, help="Seconds."
)
@click.option("--json", "as_json", is_flag=True, help="One object with answer, calls, times and tokens, at the end.")
@click.option("-q", "--quiet", is_flag=True, help="No summary on stderr.")
@plugin_option
def ask(prompt: str, spec: str, max_tries: int, trial_timeout: float, as_json: bool, quiet: bool, **where: Any) -> None:
    """Answer PROMPT with a method and show the answer as it arrives: the id of a packaged prompt, a text, or - for stdin."""
    refuse_empty_url(where["base_url"])
    plugins = loader.load()
    method, item = plugins.make("decomposer", spec), asked_item(plugins, prompt)
    refuse_unlabelled(method, item)
    name = where.pop("executor")
    screen = None if as_json else _Screen(sys.stdout)
    made = plugins.make("executor", name, **where)
    with blame(made), made as executor:
        try:
            outcome = _ask(executor, method, item, Policy(max_tries, trial_timeout), screen)
            if outcome.failure:
                raise _error(outcome, executor, f"{spec_of(method)} on {item.id}")
            if screen:
                screen.show(outcome.trace.answer, whole=True)
        finally:
            if screen:
                screen.end_line()
        if as_json:
            _print_json(outcome.trace, executor, spec_of(method))
        if not quiet:
            _say(_summary(outcome.trace, executor))


class _Screen:
    """Standard output while an answer grows on it. What was written stays; nothing is ever taken back."""

    def __init__(self, out: TextIO) -> None:
        self._out, self._terminal = out, out.isatty()
        self._shown = ""

    def show(self, text: str, *, whole: bool = False) -> None:
        """Write what is new of an answer. One that begins otherwise than what is there, as after a branch that failed
        for good or a stream that was cut and asked for again, is written from its beginning, and said to be; one that is
        only behind is waited for."""
        text = _paired(text, whole=whole)
        if not text.startswith(self._shown):
            if self._shown.startswith(text) and not whole:
                return
            self.end_line()
            _say("what was shown so far was broken off; the answer follows from its beginning")
            self._shown = ""
        new, self._shown = text[len(self._shown) :], text  # before it is written: an interrupt may come between
        self._write(new)

    def end_line(self) -> None:
        if self._shown and not self._shown.endswith("\n"):
            self._write("\n")

    def _write(self, text: str) -> None:
        """A model's text is data: on a terminal without control characters, and with a mark for what cannot be written."""
        encoding = self._out.encoding or "utf-8"
        self._out.write(plain(text, encoding) if self._terminal else text.encode(encoding, "replace").decode(encoding))
        self._out.flush()


def _paired(text: str, *, whole: bool) -> str:
    """Halves of a character that came apart are put together; the last one may yet get its other half."""
    if not _HALF.search(text):
        return text
    if not whole and "\ud800" <= text[-1] <= "\udbff":
        text = text[:-1]
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _ask(executor: Executor, method: Decomposer, item: Item, policy: Policy, screen: _Screen | None) -> Outcome:
    prompt = item.prompt(getattr(method, "given", ()))
    job = Job("ask", lambda: method.decompose(prompt), fallback=lambda reason: Plan.fallback(prompt, reason),
              show=screen.show if screen else None)  # fmt: skip
    return next(Loop(executor, policy).run([[job]]))


def _error(outcome: Outcome, executor: Executor, what: str) -> PpbenchError:
    """Why there is no answer: the endpoint cannot be used, it refused this request, or the method broke down."""
    error = outcome.last_error
    if error is None:
        return BrokenPlugin(f"{what}: {plain(outcome.failure or '')}")
    kind = EndpointUnusable if error.kind in UNUSABLE else TooManyFailures
    return kind(f"{executor.endpoint}: {plain(outcome.failure or '')}")


def _print_json(trace: Trace, executor: Executor, spec: str) -> None:
    data = {
        "answer": trace.answer, "parts": list(trace.parts), "decomposer": spec, "endpoint": executor.endpoint,
        "timing": executor.timing, "status": trace.status, "reason": trace.reason, "calls": len(trace.spans),
        "latency_ms": _ms(trace.latency_ns), "ttft_ms": _ms(trace.ttft_ns),
        "tokens_in": _tokens(trace, "tokens_in"), "tokens_out": _tokens(trace, "tokens_out"),
        "replies": [_reply(span) for span in trace.spans],
    }  # fmt: skip
    click.echo(json_text(data))


def _reply(span: Span) -> dict[str, Any]:
    """One call as it went, by its path in the plan."""
    error = span.reply.error
    return {"id": span.request.id.partition("/")[2], "role": span.request.role, "text": span.reply.text,
            "tries": len(span.failed) + 1, "error": error.kind if error else None}  # fmt: skip


def _ms(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else round(nanoseconds / _MS, 3)


def _tokens(trace: Trace, count: str) -> dict[str, int | None]:
    """Tokens by role, failed attempts with them; null where an answered call has no count."""
    found: dict[str, int | None] = {}
    for role in [role for role in get_args(Role) if any(span.request.role == role for span in trace.spans)]:
        replies = [reply for span in trace.spans if span.request.role == role for reply in (*span.failed, span.reply)]
        found[role] = (
            None if any(_uncounted(reply, count) for reply in replies) else sum(getattr(r, count) or 0 for r in replies)
        )
    return found


def _uncounted(reply: Reply, count: str) -> bool:
    return reply.error is None and getattr(reply, count) is None


def _summary(trace: Trace, executor: Executor) -> str:
    """One line: what became of the prompt, and what it took."""
    roles = [span.request.role for span in trace.spans]
    by_role = ", ".join(f"{roles.count(role)} {role}" for role in get_args(Role) if role in roles)
    first = "" if trace.ttft_ns is None else f", first token after {trace.ttft_ns / _MS / 1000:.2f} s"
    read, written = (_total(_tokens(trace, count)) for count in ("tokens_in", "tokens_out"))
    modelled = " (modelled)" if executor.timing == "modelled" else ""
    return (f"{trace.status}{f' ({trace.reason})' if trace.reason else ''}: {_count(len(roles), 'call')} ({by_role}), "
            f"{trace.latency_ns / _MS / 1000:.2f} s{first}{modelled}, {read} tokens in, {written} out")  # fmt: skip


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + "s" * (number != 1)


def _total(tokens: dict[str, int | None]) -> str:
    known = [count for count in tokens.values() if count is not None]
    return str(sum(known)) if len(known) == len(tokens) else "unknown"


def _say(text: str) -> None:
    """To stderr; reasons may hold words of a model."""
    click.echo(plain(text, sys.stderr.encoding), err=True)
