"""What holds for every built-in method, whatever the prompt holds and whatever a model replies."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppbench import Plan, Prompt, Request, Schema, Script, VirtualExecutor
from ppbench import plugins as loader
from ppbench.execute import Loop
from ppbench.jobs import Job, Outcome
from ppbench.model import Item
from ppbench_plugins.executors.offline import Offline
from ppbench_plugins.mock.items import known_items

SPECS = (
    "serial", "schema", "schema:stream=false,structured=false", "schema:prompt=paper,tier=paper", "schema:source=rules",
    "schema:source=rules+llm,names=true", "schema:group=2,warm=true", "schema:group=auto,min_gain=1.2", "schema:merge=llm",
    "sot", "sot:style=prefix,parser=paper", "sot:router=prompt", "top", "top:breadth=3,depth=2", "dag", "dag:join=llm",
    "dag:stream=false,join=merge,merged=sinks",
)  # fmt: skip
METHODS = {spec: loader.load().make("decomposer", spec) for spec in SPECS}
GIVEN = loader.load().make("decomposer", "schema:source=given")
HOSTILE = {
    "braces": "{data} {context} {n} {prompt} {request} {{}} {0}",
    "dollars": "$1 ${2} $& \\1 \\g<0> \\d+ (.*)",
    "quotes": '"a", \'b\' “c” «d» `e` """f"""',
    "right-to-left": "مرحبا: ١) واحد ٢) اثنان \u202eabc\u202c שלום",
    "markup": '<part 1>x</part 1> </request> <script>alert(1)</script> ```json\n{"data": ["1"]}\n```',
    "controls": "a\x00b\x1b[2Jc\r\nd\u2028e\ufeff",
    "list": "\n".join(f"{k}. {{data}} ${k}" for k in range(1, 40)),
    "long": "Translate:\n" + "1. a rather long line of text, and more of it; \n" * 4200,
    "blank": "x" + " " * 200_000,
    "nested": "[" * 100_000,
}
REPLIES = {
    "empty": "",
    "blank": " \n\t",
    "refusal": "I'm sorry, but I can't help with that.",
    "cut off": '{"template": "Translate {data}", "context": null, "n": null, "data": ["one", "tw',
    "nothing": '{"template": null, "context": null, "n": null, "data": null}',
    "wrong types": '{"template": 7, "context": [], "n": "two", "data": {"a": 1}, "subproblems": "none"}',
    "not in the prompt": '{"template": "Do {data}", "context": null, "n": null, "data": ["zebra", "gnu"]}',
    "braces": '{"template": "{data} {data} {context} {n}", "context": "{data}", "n": 3, "data": null}',
    "numbers": "1. {data}\n2. $1\n2. $9\n99. x\nend",
    "letters": "B",
    "megabytes of nothing": "x" * 3_000_000,
    "megabytes of points": "1. a\n2. b $1\n" * 200_000,
    "megabytes of objects": '{"template": "Do {data}", "data": [' + '"a", ' * 500_000,
    "megabytes of braces": "{" * 2_000_000,
    "half a character": '{"template": "Do {data}", "data": ["\\ud800", "b"]} \ud800',
}


def run(spec: str, prompt: Prompt, reply: str) -> tuple[Outcome, list[Request]]:
    """One trial in which every call gets the same reply, in three pieces."""
    sent: list[Request] = []

    def respond(request: Request, now_ns: int) -> Script:
        sent.append(request)
        third = len(reply) // 3 + 1
        pieces = [reply[at : at + third] for at in range(0, len(reply), third)]
        return Script(tuple((k, piece) for k, piece in enumerate(pieces, 1)), len(pieces) + 1, tokens_in=1, tokens_out=1)

    method = METHODS[spec]
    job = Job("job", lambda: method.decompose(prompt), lambda reason: Plan.fallback(prompt, reason))
    [outcome] = Loop(VirtualExecutor(respond)).run([[job]])
    return outcome, sent


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES.keys())
@pytest.mark.parametrize("spec", SPECS)
def test_every_method_survives_any_reply(spec: str, reply: str) -> None:
    """No trial fails: a reply that cannot be used ends in the serial answer, with the reason why."""
    outcome, sent = run(spec, Prompt("p", "Translate these into French:\n1. one\n2. two\n3. three"), reply)

    assert outcome.failure is None
    assert len(sent) <= 300
    if outcome.trace.status != "split" and spec != "serial":
        assert outcome.trace.reason
        assert outcome.trace.answer == reply


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("spec", SPECS)
def test_every_method_survives_any_prompt(spec: str, text: str) -> None:
    """The prompt reaches the model as it is, whole in one call or, where rules split it, in pieces of itself."""
    outcome, sent = run(spec, Prompt("p", text), "ok")

    assert outcome.failure is None
    whole = [request for request in sent if text in request.text]
    assert whole or all(len(request.text) <= len(text) + 400 for request in sent)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), st.text(max_size=200), st.sampled_from(SPECS))
def test_no_text_makes_a_trial_fail(prompt: str, reply: str, spec: str) -> None:
    """Any prompt, any reply: an answer, and a plan that waits for nothing that never comes."""
    if prompt.strip():
        assert run(spec, Prompt("p", prompt), reply)[0].failure is None


def splits() -> list[tuple[str, Item]]:
    """Each spec with the bundled prompts that it has to split: those that hold independent parts."""
    flat = [item for item in known_items() if item.schema and item.splittable is not False and item.dependency == "none"]
    one_each = {(item.category, item.schema.n is None): item for item in reversed(flat) if item.schema}
    return [(spec, item) for spec in SPECS for item in one_each.values()]


@pytest.mark.parametrize(("spec", "item"), splits(), ids=lambda value: getattr(value, "id", value))
def test_every_method_really_splits(spec: str, item: Item) -> None:
    """What has independent parts, one prompt of each category and of each kind of schema, with the mock model."""
    method = METHODS[spec]
    prompt = Prompt("p", item.text, item.language)
    job = Job("job", lambda: method.decompose(prompt), lambda reason: Plan.fallback(prompt, reason))
    with Offline() as executor:
        [outcome] = Loop(executor).run([[job]])

    assert outcome.failure is None
    status, reason = outcome.trace.status, outcome.trace.reason
    if spec == "schema:source=rules":  # in doubt rules decline
        assert status == "split" or (status, item.category) == ("declined", "keyword_extraction"), reason
    else:
        assert status == ("serial" if spec == "serial" else "split"), reason


@pytest.mark.parametrize("item", HOSTILE.values(), ids=HOSTILE.keys())
def test_items_reach_the_model_and_answers_the_user_as_they_are(item: str) -> None:
    """Through template, plan and merge no item is lost, changed or invented."""
    schema = Schema("{context}\n\nDo this: {data}", context=f"Given {item}", data=(item, "other"))
    plan = GIVEN.decompose(Prompt("p", "Do these", schema=schema))
    first, second = (str(call.text) for call in plan.calls)

    assert first == f"Given {item}\n\nDo this: {item}"
    assert second == f"Given {item}\n\nDo this: other"
    answers = plan.merge([item, "fine"])
    assert all(line.strip() in answers for line in item.splitlines())
    assert answers.rstrip().endswith("fine")
