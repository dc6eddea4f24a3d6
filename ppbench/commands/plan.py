"""`ppbench plan`: how a method would split a prompt, before it is paid for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from ppbench import plugins as loader
from ppbench.attempts import expect
from ppbench.commands.common import asked_item, json_text, plain, refuse_unlabelled
from ppbench.commands.outside import blame, plugin_option
from ppbench.commands.planning import alone
from ppbench.errors import BrokenPlugin, EndpointUnusable
from ppbench.execute import Loop
from ppbench.hookspecs import Decomposer, Executor
from ppbench.jobs import BUGS
from ppbench.model import Item
from ppbench.plan import Call, Plan
from ppbench.specs import spec_of

_BYTES_PER_TOKEN = 4


@click.command()
@click.argument("prompt")
@click.option("-d", "--decomposer", "--method", "spec", default="schema", show_default=True, metavar="SPEC")
@click.option("--json", "form", flag_value="json", help="The plan as data.")
@click.option("--mermaid", "form", flag_value="mermaid", help="The plan as a Mermaid graph.")
@click.option("--send", is_flag=True, help="Let planning calls go out, so that what they expand into is shown.")
@click.option("-e", "--executor", default="native", show_default=True, metavar="SPEC", help="Used with --send.")
@click.option("-m", "--model", metavar="PROVIDER/NAME", help="Used with --send.")
@click.option("--base-url", metavar="URL", help="Used with --send.")
@plugin_option
def plan(prompt: str, spec: str, form: str | None, send: bool, executor: str, model: str | None, base_url: str | None) -> None:
    """Show the plan of a method for PROMPT: the id of a packaged prompt, a text, or - for standard input."""
    plugins = loader.load()
    method = plugins.make("decomposer", spec)
    item = asked_item(plugins, prompt)
    refuse_unlabelled(method, item)
    made = plan_of(method, item)
    if send:
        sender = plugins.make("executor", executor, model=model, base_url=base_url)
        with blame(sender), sender as entered:
            tree = _node("answer", made, entered)
    else:
        tree = _node("answer", made, None)
    if form == "json":
        click.echo(json_text({"decomposer": spec_of(method), "prompt": item.id, "plan": tree}))
    else:
        click.echo(plain("\n".join(_mermaid(tree) if form == "mermaid" else _tree(spec_of(method), item, tree))))


def plan_of(method: Decomposer, item: Item) -> Plan:
    """What a method makes of a prompt. Raises BrokenPlugin if it raises, or gives no plan."""
    try:
        return expect(Plan, method.decompose(item.prompt(getattr(method, "given", ()))), "decompose")
    except BUGS as error:
        raise BrokenPlugin(plain(f"{spec_of(method)} on {item.id}: {type(error).__name__}: {error}")) from error


def _node(name: str, plan: Plan, executor: Executor | None) -> dict[str, Any]:
    """The plan as data; with an executor, planning calls are sent and what they expand into is shown."""
    calls = [_call(call, executor) for call in plan.calls]
    return {"name": name, "status": plan.status, "reason": plan.reason, "calls": calls, "answers": list(plan.answers),
            "merge": getattr(plan.merge, "__name__", repr(plan.merge)),
            "schema": plan.schema.to_json() if plan.schema else None}  # fmt: skip


def _call(call: Call, executor: Executor | None) -> dict[str, Any]:
    text = call.text if isinstance(call.text, str) else None
    branch = None
    if executor and call.expand and text is not None:
        branch = _node(call.id, call.expand(_ask(call, executor)), executor)
    return {"id": call.id, "role": call.role, "needs": list(call.needs), "after": list(call.after), "text": text,
            "tokens_in_estimate": _tokens(call), "expands": call.expand is not None, "plan": branch}  # fmt: skip


def _ask(call: Call, executor: Executor) -> str:
    """Send one planning call alone and return its answer."""
    outcome = next(Loop(executor).run([[alone(f"plan/{call.id}", call)]]))
    if outcome.failure:
        raise EndpointUnusable(f"{executor.endpoint}: {plain(outcome.failure)}")
    return outcome.trace.answer


def _tokens(call: Call) -> int | None:
    """A rough estimate: a token for each four bytes."""
    if not isinstance(call.text, str):
        return None
    return len(((call.system or "") + call.text).encode()) // _BYTES_PER_TOKEN + 1


def _tree(spec: str, item: Item, node: dict[str, Any]) -> Iterator[str]:
    calls = node["calls"]
    known = sum(call["tokens_in_estimate"] or 0 for call in calls)
    state = node["status"] + (f" ({node['reason']})" if node["reason"] else "")
    count = "1 call" if len(calls) == 1 else f"{len(calls)} calls"
    yield f"{spec} on {item.id}: {state}, {count}, about {known} tokens in (estimate: bytes / {_BYTES_PER_TOKEN})"
    yield from _branches(node, "")


def _branches(node: dict[str, Any], indent: str) -> Iterator[str]:
    calls = node["calls"]
    for place, call in enumerate(calls, 1):
        last = place == len(calls)
        notes = [f"needs {', '.join(call['needs'])}"] if call["needs"] else []
        notes += [f"after {', '.join(call['after'])}"] if call["after"] else []
        notes += ["expands into a plan"] if call["expands"] and not call["plan"] else []
        shown = " ".join((call["text"] or "(text follows from what it needs)").split())
        yield f"{indent}{'└─' if last else '├─'} {call['id']} [{'; '.join([call['role'], *notes])}] {shown[:90]}"
        if call["plan"]:
            inner = call["plan"]
            deeper = indent + ("   " if last else "│  ")
            if inner["status"] != "split":
                yield f"{deeper}{inner['status']}: {inner['reason']}"
            yield from _branches(inner, deeper)


def _mermaid(node: dict[str, Any]) -> Iterator[str]:
    """Nodes are numbered, and labels hold ids and roles alone: text of a prompt is never markup."""
    yield "graph TD"
    yield from _mermaid_nodes(node, "c")


def _mermaid_nodes(node: dict[str, Any], prefix: str) -> Iterator[str]:
    names = {call["id"]: f"{prefix}{k}" for k, call in enumerate(node["calls"])}
    for call in node["calls"]:
        label = "".join(c if c.isalnum() or c in "-_ " else "_" for c in call["id"])
        yield f'  {names[call["id"]]}["{label}: {call["role"]}"]'
        yield from (f"  {names[need]} --> {names[call['id']]}" for need in call["needs"])
        yield from (f"  {names[other]} -.-> {names[call['id']]}" for other in call["after"])
        if call["plan"]:
            inner = f"{names[call['id']]}_"
            yield from _mermaid_nodes(call["plan"], inner)
            yield f"  {names[call['id']]} ==> {inner}0"
