"""The built-in methods: what they make of any reply, and what becomes of the text that they carry."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppbench import Decomposer, Plan, Prompt, Request, Schema, Script, Trace, VirtualExecutor
from ppbench.execute import Job, Loop
from ppbench.tasks import select
from ppbench_plugins import prompts
from ppbench_plugins.decomposers import canonical
from ppbench_plugins.decomposers.canonical import recognise
from ppbench_plugins.decomposers.dag import Dag
from ppbench_plugins.decomposers.reading import MOST_PARTS, json_object, points_mended, points_paper
from ppbench_plugins.decomposers.schema import SchemaExtraction
from ppbench_plugins.decomposers.serial import Serial
from ppbench_plugins.decomposers.sot import SkeletonOfThought
from ppbench_plugins.decomposers.top import TreeOfProblems
from ppbench_plugins.executors.offline import Offline
from ppbench_plugins.mock.items import known_items
from ppbench_plugins.mock.oracle import Ask, Oracle

ITEMS = known_items()
SMOKE = select(ITEMS, "smoke")
TEXT = "Translate into German:\n- Rain is due.\n- The shop shuts at six.\n- Nobody came."
PROMPT = Prompt("p", TEXT)
FOUND = {"template": "Translate into German: {data}", "context": None, "data": ["Rain is due.", "Nobody came."], "n": None}
NASTY = [
    "a {data} b {context} {n} {0} {} }{", "costs $1 and ${2}, \\1 \\g<0> \\n", "\"quoted\" 'both' `ways`",
    "%s %(x)s <b>1. x</b>",
    "مرحبا \u202eabc\u202c שלום", "e\u0301 👩‍👩‍👧 \u00a0 x", "x" * 200_000,
]  # fmt: skip
METHODS: list[Any] = [
    SchemaExtraction(),
    SkeletonOfThought(),
    SkeletonOfThought(style="prefix"),
    SkeletonOfThought(router="prompt"),
    TreeOfProblems(),
    TreeOfProblems(depth=2),
    Dag(),
]


def expanded(method: Decomposer, reply: str, prompt: Prompt = PROMPT) -> Plan:
    """The plan that a planning reply leads to."""
    [call] = method.decompose(prompt).calls
    assert call.expand is not None
    return call.expand((call.prefix or "") + reply)


def execute(method: Decomposer, *texts: str, knobs: str = "") -> list[Trace]:
    """One trial a text on the mock model."""
    jobs = [Job(f"job {k}", lambda text=text: method.decompose(Prompt("p", text))) for k, text in enumerate(texts)]  # type: ignore[misc]
    with Offline(model=f"mock/quick?{knobs}") as executor:
        outcomes = list(Loop(executor).run([jobs]))
    assert [outcome.failure for outcome in outcomes] == [None] * len(texts)
    return [outcome.trace for outcome in outcomes]


def roles(trace: Trace) -> dict[str, int]:
    names = [span.request.role for span in trace.spans]
    return {name: names.count(name) for name in sorted(set(names))}


# Any reply


REPLIES = [
    "",
    " \n",
    "I cannot help with that request.",
    '{"template": "Translate {data}", "data": ["Rain is',
    '{"subproblems": ["Rain',
    "[1, 2]",
    "null",
    "{",
    "}{",
    '{"n": ' + "1" * 5000 + "}",
    '{"a":' * 50_000,
    "{" * 1_000_000,
    "[" * 1_000_000,
    "1" * 500_000,
    " " * 500_000,
    "\n" * 500_000,
    "\n " * 200_000 + "x",
    "lorem ipsum " * 200_000,
    "\x00\ud800",
    '{"subproblems": [1, 2]}',
    '{"subproblems": {"a": 1}}',
    '{"subproblems": ["", "x"]}',
    json.dumps({"subproblems": ["x"] * 100_000}),
    "".join(f"{k}. x\n" for k in range(1, 100_000)),
]


@pytest.mark.parametrize("reply", REPLIES, ids=lambda reply: f"{reply[:12]!r}x{len(reply)}")
@pytest.mark.parametrize("method", METHODS, ids=str)
def test_any_reply_gives_a_plan(method: Decomposer, reply: str) -> None:
    """Empty, refused, cut off, malformed, deep, endless: the prompt itself is sent, and nothing is raised."""
    plan = expanded(method, reply)

    assert plan.status in ("fallback", "declined", "split")
    assert len(plan.calls) <= MOST_PARTS + 1
    if plan.status != "split":
        assert [call.text for call in plan.calls] == [TEXT]


@settings(max_examples=100, deadline=None)
@given(reply=st.text(st.sampled_from('{}[]":,\\ntaduplems 12.)*-\r'), max_size=60))
def test_no_reply_raises(reply: str) -> None:
    """Whatever the letters, each method makes a plan of them."""
    assert all(expanded(method, reply).calls for method in METHODS)


# Text is data


@pytest.mark.parametrize("nasty", NASTY, ids=lambda text: text[:10])
@pytest.mark.parametrize("method", [Serial(), *METHODS], ids=str)
def test_a_prompt_reaches_the_model_unharmed(method: Decomposer, nasty: str) -> None:
    """Each first call holds the prompt's text word for word."""
    text = f"Do this: {nasty} and that."

    assert all(text in str(call.text) for call in method.decompose(Prompt("p", text)).calls)


@pytest.mark.parametrize("nasty", NASTY, ids=lambda text: text[:10])
def test_items_points_and_parts_pass_through_plan_and_merge_unharmed(nasty: str) -> None:
    """What a planner found is sent as it stands, and what the model answered is merged as it stands."""
    prompt = Prompt("p", f"{nasty}: {nasty}-1 {nasty}-2")
    found = {"template": "{context} Say {data} {x}", "context": nasty, "data": [f"{nasty}-1", f"{nasty}-2"]}
    plan = expanded(SchemaExtraction(), json.dumps(found), prompt)
    assert [call.text for call in plan.calls] == [f"{nasty} Say {nasty}-{k} {{x}}" for k in (1, 2)]
    assert nasty in plan.merge([nasty, "b"])

    for style in ("instruction", "prefix"):
        first = expanded(SkeletonOfThought(style=style), f"1. {nasty}\n2. b", prompt).calls[0]  # type: ignore[arg-type]
        assert f"1. {nasty}" in f"{first.text}{first.prefix}"
        assert prompt.text in str(first.text)

    plan = expanded(TreeOfProblems(), json.dumps({"subproblems": [nasty, "b"]}), prompt)
    merge = plan.calls[-1].text
    assert plan.calls[0].text == nasty
    assert callable(merge)
    assert f"<part 2>\n{nasty}\n</part 2>" in merge({"1": "{parts} {problem}", "2": nasty})


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.text(max_size=30), min_size=2, max_size=2), item=st.text(min_size=1, max_size=20))
def test_slots_are_filled_in_one_literal_pass(values: list[str], item: str) -> None:
    """No value is searched for slots or patterns of another."""
    head, middle, tail = re.split(r"\{problem\}|\{parts\}", prompts.fill("top_merge"))

    assert prompts.fill("top_merge", problem=values[0], parts=values[1]) == head + values[0] + middle + values[1] + tail
    if item.strip():
        assert Schema("<{data}>", data=(item, item + "!")).render() == (f"<{item}>", f"<{item}!>")


# Skeleton-of-Thought


@pytest.mark.parametrize(
    ("outline", "points"),
    [
        ("1.\n2. Foo\n3. Bar", [("1", "2. Foo"), ("3", "Bar")]),
        ("Intro v1.5 now\n1. A", [("1", "5 now")]),
        ("1) A\n2) B", []),
        ("- A\n- B", []),
        ("1. A 2. B 3. C", [("1", "A 2. B 3. C")]),
        ("**1. X**", [("1", "X**")]),
        ("1. A  \n1. B\n01. C\n9. D", [("1", "A  "), ("01", "C"), ("9", "D")]),
        ("2. B\n1. A", [("2", "B"), ("1", "A")]),
        ("1.A\n2.  B", [("1", "A"), ("2", " B")]),
    ],
)
def test_the_papers_parser_keeps_its_quirks(outline: str, points: list[tuple[str, str]]) -> None:
    """Digits and a full stop anywhere in a line; the first of each number; nothing trimmed, nothing renumbered."""
    assert points_paper(outline) == points


@pytest.mark.parametrize(
    "outline",
    [
        "1. A\n2. B\n3. C",
        "1) A\n2) B\n3) C",
        "- A\n- B\n- C",
        "* A\n* B\n* C",
        "**1. A**\n**2. B**\n**3. C**",
        "１．A\n２．B\n３．C",
        "1.A\n2.B\n3.C",
        " 1. A\n2. B\n3. C",
        "Here:\n\n1. A  \n\n2. B\r\n\n3. C\n\nDone.",
        "4. A\n7. B\n9. C",
        "3. A\n2. B\n1. C",
        "1. A\n2. B\n2. X\n3. C\n1. Y",
        "1. A\n   1. x\n   2. y\n2. B\n   - z\n3. C",
        "- A\n  - x\n- B\n- C",
        "1、A\n2、B\n3、C",
        "**1.** A\n**2.** B\n**3.** C",
        "### 1. A\n### 2. B\n### 3. C",
        "Of 1.5 million:\n1. A\n2. B\n3. C",
        "• A\n• B\n• C",
    ],
)
def test_the_mended_parser_finds_the_points_of_any_list(outline: str) -> None:
    """Any common mark, the outer list alone, the first of each number; numbered anew in order of appearance."""
    assert points_mended(outline) == [("1", "A"), ("2", "B"), ("3", "C")]


@pytest.mark.parametrize("outline", ["", "No list here.", "3.5 million people", "10:30 start", "1.\n2.\n", "---\n***"])
def test_an_outline_without_points_falls_back(outline: str) -> None:
    """Instead of giving an empty answer, as published."""
    assert points_mended(outline) == []
    assert expanded(SkeletonOfThought(), outline).status == "fallback"


def test_both_styles_ask_for_a_point_in_their_own_way() -> None:
    """One says how to begin, the other opens the assistant's turn; answers are joined by blank lines, in order."""
    said, opened = expanded(SkeletonOfThought(), "1. A\n2. B"), expanded(SkeletonOfThought(style="prefix"), " A\n2. B")

    assert [call.prefix for call in said.calls] == [None, None]
    assert [call.prefix for call in opened.calls] == ["1. A", "2. B"]
    assert "1. A <text>" in str(said.calls[0].text)
    assert said.merge(["x", "y"]) == "x\n\ny"
    assert execute(SkeletonOfThought(style="prefix"), SMOKE[0].text)[0].answer.startswith("1. ")


# Tree of Problems

TASKS = {
    "sorting": (
        "Sort in ascending order:\n[31, 4, 15, 9, 26, 5, 35, 8, 9, 7, 93, 2, 38, 4, 62, 6]",
        "[2, 4, 4, 5, 6, 7, 8, 9, 9, 15, 26, 31, 35, 38, 62, 93]",
    ),
    "set_intersection": (
        "What is the intersection of A and B?\nA = [8, 1, 6, 3, 5, 7, 4, 9]\nB: [2, 7, 1, 8, 28, 18, 4, 5]",
        "[1, 4, 5, 7, 8]",
    ),
    "concatenation": ("Join the last letter of each name.\n\n" + ", ".join(["Eva", "Tom", "Jo", "Max"] * 4), "amox" * 4),
    "algebraic": ("Compute: 7 - 12 + 30 - 4 + 18 - 9 + 2 + 5 - 11 + 6 - 1 + 40 - 8 + 3 - 20 + 10", "56"),
    "keyword_counting": (
        "Count how many times each country is named.\n\n" + "He left Peru. She likes Chad! Is Peru far? No.\n" * 4,
        "Chad: 4, Peru: 8",
    ),
}
SHAPES = [(2, 1), (2, 2), (2, 3), (3, 1), (4, 1), (4, 2)]


@pytest.mark.parametrize(("breadth", "depth"), SHAPES)
@pytest.mark.parametrize("task", TASKS)
def test_a_canonical_problem_is_solved_in_the_published_number_of_calls(task: str, breadth: int, depth: int) -> None:
    """b^d solvers and the sum of b^i mergers; sorting halves, and intersection too, unless the breadth is four."""
    text, answer = TASKS[task]
    [trace] = execute(TreeOfProblems(breadth=breadth, depth=depth), text)
    real = breadth if task not in ("sorting", "set_intersection") or (task, breadth) == ("set_intersection", 4) else 2

    assert recognise(text) == task
    assert (trace.status, trace.answer) == ("split", answer)
    assert roles(trace) == {"solve": real**depth, "merge": sum(real**k for k in range(depth))}


def divided(text: str, breadth: int) -> list[str]:
    divide = canonical.TASKS[recognise(text)].divide
    assert divide is not None
    return divide(text, breadth)


def test_runs_are_nearly_equal_and_the_first_ones_longer() -> None:
    """Seven names three ways are three, two and two; the instruction stands in each part."""
    parts = divided("Last letter of each:\na, b, c, d, e, f, g", 3)

    assert [part.rpartition("\n")[2] for part in parts] == ["a, b, c", "d, e", "f, g"]
    assert all(part.startswith("Last letter of each:\n") for part in parts)
    assert [part.rpartition("\n")[2] for part in divided(TASKS["set_intersection"][0], 3)] == [
        "B: [2, 7, 1, 8]",
        "B: [28, 18, 4, 5]",
    ]


def test_the_end_of_a_passage_is_counted_even_without_a_full_stop() -> None:
    """No word of the passage is lost between the parts."""
    text = "Count how many times each country is named.\n\nPeru is far. So is Chad! And Peru"

    assert execute(TreeOfProblems(), text)[0].answer == "Chad: 1, Peru: 2"


def test_a_node_with_too_few_parts_is_a_leaf() -> None:
    """Four names are divided twice two ways, not three times; a single one is not divided at all."""
    names = "Join the last letter of each name.\n\nEva, Tom, Jo, Max"

    assert roles(execute(TreeOfProblems(depth=3), names)[0]) == {"solve": 4, "merge": 3}
    assert roles(execute(TreeOfProblems(breadth=4, depth=3), names)[0]) == {"solve": 4, "merge": 1}
    assert TreeOfProblems().decompose(Prompt("p", "Sort: [3]")).status == "declined"


@pytest.mark.parametrize(
    "text", ["Compute 2 * 3 + 4", "Calculate the days from 2020-01-05 to 2021-03-04", "What sort of thing is a cat?",
             "I consort with [1, 2]", "Sort it out: " + "word " * 50 + "[2, 1]", "Explain `sorted([2, 1])` and [3].", TEXT],
)  # fmt: skip
def test_what_only_looks_canonical_is_divided_by_a_call(text: str) -> None:
    """Other operators, dates, other senses of a word and long texts around a list are no canonical problem."""
    assert recognise(text) == ""
    assert [call.role for call in TreeOfProblems().decompose(Prompt("p", text)).calls] == ["plan"]


@pytest.mark.parametrize("depth", [1, 2])
def test_a_general_prompt_is_divided_by_planning_calls(depth: int) -> None:
    """A root and, one level down, two nodes are divided; what cannot be divided further is solved as it is."""
    for trace in execute(TreeOfProblems(depth=depth), *(item.text for item in SMOKE)):
        counts = roles(trace)

        assert trace.status == "split"
        assert counts["plan"] == 2**depth - 1
        assert 2**depth - 1 <= counts["solve"] <= 2**depth
        assert counts["merge"] == counts["solve"] - 1


def test_an_unreadable_division_falls_back_at_the_root_and_ends_the_branch_below() -> None:
    """Nothing is lost when a planner fails deeper down."""

    def respond(request: Request, now_ns: int) -> Script:
        root = request.role == "plan" and TEXT in request.text
        text = '{"subproblems": ["left", "right"]}' if root else f"no {request.text[-9:]}"
        return Script(((1, text),), 1)

    [outcome] = Loop(VirtualExecutor(respond)).run([[Job("job", lambda: TreeOfProblems(depth=2).decompose(PROMPT))]])
    assert roles(outcome.trace) == {"merge": 1, "plan": 3, "solve": 2}
    assert {span.request.text for span in outcome.trace.spans if span.request.role == "solve"} == {"left", "right"}

    [trace] = execute(TreeOfProblems(), SMOKE[3].text, knobs="planner_error=1")
    assert (trace.status, roles(trace)) == ("fallback", {"plan": 1, "solve": 1})


@pytest.mark.parametrize("options", [{"breadth": 0}, {"depth": 0}])
def test_a_tree_without_branches_is_refused(options: dict[str, int]) -> None:
    """Breadth and depth are one or more."""
    with pytest.raises(ValueError, match="breadth is 1 or more and depth 1 or more"):
        TreeOfProblems(**options)


# Reworded prompts


@pytest.fixture
def reword(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """A switch that gives every prompt file other words, and leaves slots, forms and tags."""

    def switch() -> None:
        for path in prompts.FOLDER.glob("*.txt"):
            (tmp_path / path.name).write_text("\n".join(map(_reworded, path.read_text("utf-8").splitlines())), "utf-8")
        monkeypatch.setattr(prompts, "FOLDER", tmp_path)
        prompts._text.cache_clear()

    yield switch
    prompts._text.cache_clear()


def _reworded(line: str) -> str:
    if re.match(r"\s*(\{\"|\d+\. |\{index\}\. |<|\{\w+\}$)", line):
        return line
    head = re.match(r"[A-Z]\. ", line)
    if head:
        return head[0] + _reworded(line[3:])
    return re.sub(r"\{\w+\}|[^\W\d_]+", lambda word: word[0] if word[0][0] == "{" else f"б{word[0][::-1].lower()}ж", line)


def _plans(method: Decomposer) -> list[object]:
    """For each prompt of the smoke suite the plan, as far as planning calls unfold it, and the trace's outline."""
    oracle = Oracle(ITEMS)

    def told(schema: Schema | None, text: str) -> object:
        """Items that a model makes up are of its own words, which follow from those of the request: their number counts."""
        invented = schema and schema.data and not any(item in text for item in schema.data)
        return len(schema.data or ()) if schema and invented else schema

    def unfold(plan: Plan, text: str) -> object:
        calls = [
            unfold(call.expand(f"{call.prefix or ''}{oracle.answer(Ask(str(call.text), prefix=call.prefix))}"), text)
            if call.expand else call.id for call in plan.calls
        ]  # fmt: skip
        return plan.status, told(plan.schema, text), plan.answers, calls

    plans = [unfold(method.decompose(Prompt("p", item.text)), item.text) for item in SMOKE]
    return [(plan, roles(t), t.status) for plan, t in zip(plans, execute(method, *(i.text for i in SMOKE)), strict=True)]


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_reworded_prompts_lead_to_the_same_plans(method: Decomposer, reword: object) -> None:
    """The mock model reads the form that a request shows and never a built-in's wording."""
    before = _plans(method)
    reword()  # type: ignore[operator]
    text = prompts.fill("top_divide")

    assert "problem below" not in text
    assert "{problem}" in text
    assert _plans(method) == before
    assert all(status == "split" for _, _, status in before)  # type: ignore[misc]


def test_json_object_reads_the_first_object() -> None:
    """Numbers, lists and broken braces before it are passed over."""
    assert json_object('[1] {bad} {"a": {"b": 1}} {"c": 2}') == {"a": {"b": 1}}
    with pytest.raises(ValueError, match="holds no JSON object"):
        json_object("none")
