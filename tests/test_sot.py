"""Skeleton-of-Thought: which points it finds, what it asks for each, and what its router makes of a reply."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_methods import ITEMS, PROMPT, SMOKE, TEXT, execute, expanded, roles

from ppbench import Call, Prompt, Request, Schema, Script, VirtualExecutor
from ppbench.execute import Job, Loop
from ppbench_plugins.decomposers.reading import letter, points_mended, points_paper, without_thought
from ppbench_plugins.decomposers.sot import SkeletonOfThought
from ppbench_plugins.mock.oracle import Ask, Oracle

Points = list[tuple[str, str]]

# The published parser: digits, ".", at most one white space character, then at least one character up to the line's end.

PUBLISHED: list[tuple[str, Points]] = [
    # plain lists
    ("1. A\n2. B\n3. C", [("1", "A"), ("2", "B"), ("3", "C")]),
    ("1. A\n2. B\n3. C\n", [("1", "A"), ("2", "B"), ("3", "C")]),
    ("Skeleton:\n1. A\n2. B\nDone.", [("1", "A"), ("2", "B")]),
    ("1. A\n\n2. B\n\n3. C", [("1", "A"), ("2", "B"), ("3", "C")]),
    (" 1. A\n 2. B", [("1", "A"), ("2", "B")]),
    ("\t1.\tA", [("1", "A")]),
    ("1.A\n2.B", [("1", "A"), ("2", "B")]),
    ("1.  A", [("1", " A")]),
    # nothing is trimmed
    ("1. A  \n2. B\t", [("1", "A  "), ("2", "B\t")]),
    ("1. A\r\n2. B\r\n", [("1", "A\r"), ("2", "B\r")]),
    # the order of appearance, no renumbering, no cap
    ("2. B\n1. A", [("2", "B"), ("1", "A")]),
    ("0. A\n7. B\n40. C", [("0", "A"), ("7", "B"), ("40", "C")]),
    ("\n".join(f"{k}. p" for k in range(1, 31)), [(str(k), "p") for k in range(1, 31)]),
    # the first of each index, compared as text
    ("1. A\n1. B\n2. C\n2. D", [("1", "A"), ("2", "C")]),
    ("1. A\n01. B\n001. C\n01. D", [("1", "A"), ("01", "B"), ("001", "C")]),
    ("1. A\n１. B", [("1", "A"), ("１", "B")]),
    # an empty point swallows the next line
    ("1.\n2. Foo\n3. Bar", [("1", "2. Foo"), ("3", "Bar")]),
    ("1.\n\n2. Foo\n3. Bar", [("1", "\n2. Foo"), ("3", "Bar")]),
    ("1. \n2. Foo", [("1", "\n2. Foo")]),
    ("1. A\n2.", [("1", "A")]),
    ("1. A\n2. ", [("1", "A"), ("2", " ")]),
    ("1.", []),
    # digits and a full stop count anywhere
    ("Intro v1.5 now\n1. A", [("1", "5 now")]),
    ("Intro v1.5 now\n1. A\n2. B", [("1", "5 now"), ("2", "B")]),
    ("1. Costs 2.50 a piece\n2. B", [("1", "Costs 2.50 a piece"), ("2", "B")]),
    ("In 2023. Then:\n1. A", [("2023", "Then:"), ("1", "A")]),
    ("1. A 2. B 3. C", [("1", "A 2. B 3. C")]),
    ("1.1. A\n1.2. B\n2. C", [("1", "1. A"), ("2", "C")]),
    ("See https://10.0.0.1/x\n1. A", [("10", "0.0.1/x"), ("1", "A")]),
    # inner lists are points like any others
    ("1. A\n   1. x\n   2. y\n2. B", [("1", "A"), ("2", "y")]),
    # markdown
    ("**1. X**\n**2. Y**", [("1", "X**"), ("2", "Y**")]),
    ("**1.** X", [("1", "** X")]),
    ("### 1. X", [("1", "X")]),
    ("- 1. X", [("1", "X")]),
    # what is no point there
    ("1) A\n2) B", []),
    ("(1) A", []),
    ("1: A\n2: B", []),
    ("- A\n- B", []),
    ("* A\n• B", []),
    ("I. A\nII. B", []),
    ("a. A\nb. B", []),
    ("①. A", []),
    ("１．A\n２．B", []),
    ("1。A\n2、B", []),
    ("１. A\n２. B", [("１", "A"), ("２", "B")]),
    ("١. A", [("١", "A")]),
    ("No list at all", []),
    ("", []),
]


@pytest.mark.parametrize(("outline", "points"), PUBLISHED)
def test_the_papers_parser_finds_exactly_the_published_points(outline: str, points: Points) -> None:
    """Every quirk of the published code included; the same points are asked for, in the same order."""
    assert points_paper(outline) == points
    plan = expanded(SkeletonOfThought(parser="paper"), outline)
    assert [call.id for call in plan.calls] == ([index for index, _ in points] or ["serial"])
    assert plan.status == ("split" if points else "fallback")


def by_hand(outline: str) -> Points:
    """The published definition, a character at a time."""
    found: dict[str, str] = {}
    at = 0
    while at < len(outline):
        end = at
        while end < len(outline) and re.match(r"\d", outline[end]):
            end += 1
        if end == at or outline[end : end + 1] != ".":
            at = max(end, at + 1)
            continue
        start = end + 1
        if outline[start : start + 1].isspace() and start + 1 < len(outline):
            start += 1
        stop = outline.find("\n", start + 1)
        stop = len(outline) if stop < 0 else stop
        if start < stop:
            found.setdefault(outline[at:end], outline[start:stop])
        at = max(stop, end + 1)
    return list(found.items())


@settings(max_examples=400, deadline=None)
@given(outline=st.text(st.sampled_from("12.. \n\nA-*)\t1"), max_size=24))
def test_the_papers_parser_agrees_with_its_definition(outline: str) -> None:
    """On any text of digits, stops, blanks and line breaks."""
    assert points_paper(outline) == by_hand(outline)


@pytest.mark.parametrize(("style", "outline"), [("prefix", " A\n2. B"), ("instruction", "1. A\n2. B")])
def test_a_point_call_sees_the_outline_as_published(style: str, outline: str) -> None:
    """With an opened turn the outline is " 1." and the reply; without, the reply alone."""
    plan = expanded(SkeletonOfThought(style=style, parser="paper"), outline)  # type: ignore[arg-type]
    seen = " 1. A\n2. B" if style == "prefix" else "1. A\n2. B"

    assert all(f"\n{seen}" in str(call.text) and TEXT in str(call.text) for call in plan.calls)
    assert [call.prefix for call in plan.calls] == (["1. A", "2. B"] if style == "prefix" else [None, None])


def test_the_first_point_of_a_prefixed_outline_is_the_one_that_was_opened() -> None:
    """The reply goes on behind " 1.": with a point, with a new list whose first point the opening swallows, or nothing."""
    ask = SkeletonOfThought(style="prefix", parser="paper")

    assert [call.prefix for call in expanded(ask, " A\n2. B").calls] == ["1. A", "2. B"]
    assert [call.prefix for call in expanded(ask, "\n1. A\n2. B").calls] == ["1. 1. A", "2. B"]
    assert [call.prefix for call in expanded(ask, " A  \n2. B").calls] == ["1. A  ", "2. B"]
    assert expanded(ask, "").status == "fallback"


@pytest.mark.parametrize("reply", ["1. A\n2. B", " 1) A\n2) B", "\n1. A\n2. B", "**1. A**\n**2. B**", " A\n2. B"])
def test_an_opened_outline_that_begins_anew_keeps_its_first_point(reply: str) -> None:
    """Mended: the number that was written is not taken for a point of its own."""
    assert [call.prefix for call in expanded(SkeletonOfThought(style="prefix"), reply).calls] == ["1. A", "2. B"]


def test_answers_are_joined_as_published() -> None:
    """Blank lines between; an opened answer is its opening, a blank and the reply; a part cut off joins as it begins."""
    said = expanded(SkeletonOfThought(), "1. A\n2. B")
    opened = expanded(SkeletonOfThought(style="prefix"), " A\n2. B")

    assert said.merge(["x", "y"]) == "x\n\ny"
    assert opened.merge(["1. Ax", "2. By"]) == "1. A x\n\n2. B y"
    assert opened.ordered
    assert said.ordered
    whole = opened.merge(["1. Ax", "2. By"])
    assert all(whole.startswith(opened.merge(part)) for part in (["1. A"], ["1. Ax"], ["1. Ax", "2. B"]))


@pytest.mark.parametrize(
    ("outline", "points"),
    [
        ("1) A\n2) B", ["A", "B"]),
        ("- A\n- B", ["A", "B"]),
        ("* A\n* B", ["A", "B"]),
        ("**1. A**\n**2) B**", ["A", "B"]),
        ("１）A\n２）B", ["A", "B"]),
        ("１．A\n２．B", ["A", "B"]),
        ("5. A\n3. B\n3. X", ["A", "B"]),
        ("1.\n2. A\n3. B", ["A", "B"]),
        ("Intro v1.5 now\n1. A\n2. B", ["A", "B"]),
        ("1. A\n01. X\n2. B", ["A", "B"]),
        ("1. A  \n2. B\t", ["A", "B"]),
        ("- **A**\n- **B**", ["**A**", "**B**"]),
        ("2. A\n3. B", ["A", "B"]),
        ("A\n2. B", ["A", "B"]),
        (" A \n\n2) B\n", ["A", "B"]),
        ("Skeleton:\n2. A\n3. B", ["A", "B"]),
        ("Some\nprose\n2. A\n3. B", ["A", "B"]),
        ("Prose\n3. A\n4. B", ["A", "B"]),
        ("1. A\n1. B\n1. C", ["A", "B", "C"]),
        ("(1) A\n(2) B", ["A", "B"]),
        ("（１）A\n（２）B", ["A", "B"]),
        ("+ A\n+ B", ["A", "B"]),
        ("① A\n②B\n⑳ C", ["A", "B", "C"]),
        ("- 1. A\n- 2. B", ["A", "B"]),
        ("- **① A**\n- **② B**", ["A", "B"]),
        ("1. A\n1. B\n2. C", ["A", "C"]),
        ("<think>\n1. x\n2. y\n</think>\n1. A\n2. B", ["A", "B"]),
    ],
)
def test_the_mended_parser_keeps_every_point(outline: str, points: list[str]) -> None:
    """Where the published code loses, invents or misnumbers points; what is found is numbered from 1."""
    found = points_mended(without_thought(outline))

    assert found == [(str(k), point) for k, point in enumerate(points, 1)]
    assert [call.id for call in expanded(SkeletonOfThought(), outline).calls] == [index for index, _ in found]


@pytest.mark.parametrize("style", ["instruction", "prefix"])
def test_a_plan_tells_its_points(style: str) -> None:
    """As what the prompt was split into; a single point, and points that are alike, are no split."""
    method = SkeletonOfThought(style=style)  # type: ignore[arg-type]

    assert expanded(method, "1. A\n2. {data} B").schema == Schema("{data}", data=("A", "{data} B"))
    assert expanded(method, "1. A").schema is None
    assert expanded(method, "1. A\n2. A").schema is None


def test_points_are_asked_for_at_the_same_time() -> None:
    """Every point call leaves at the instant at which the outline is there, and the answer keeps the outline's order."""
    sent: list[tuple[int, str]] = []

    def respond(request: Request, now_ns: int) -> Script:
        sent.append((now_ns, request.role))
        if request.role == "plan":
            return Script(((5, "1. a\n2. b\n3. c"),), 5)
        name = re.findall(r"(\d)\. \w <text>", request.text)[0]
        return Script(((9 - int(name), name),), 9 - int(name))

    [outcome] = Loop(VirtualExecutor(respond)).run([[Job("job", lambda: SkeletonOfThought().decompose(PROMPT))]])
    assert sent == [(0, "plan"), (5, "solve"), (5, "solve"), (5, "solve")]
    assert outcome.trace.answer == "1\n\n2\n\n3"


def test_an_outline_without_points_says_so() -> None:
    """The prompt itself is sent, and the reason stands in the plan."""
    plan = expanded(SkeletonOfThought(parser="paper"), "- A\n- B")

    assert (plan.status, plan.reason) == ("fallback", "the outline holds no points")
    assert [call.text for call in plan.calls] == [TEXT]


# The router

ROUTED = SkeletonOfThought(router="prompt")


def test_the_router_is_a_call_that_expands() -> None:
    """One short call that shows the question and three choices; without the option there is none."""
    [call] = ROUTED.decompose(PROMPT).calls

    assert (call.id, call.role, call.max_tokens) == ("route", "plan", 10)
    assert TEXT in str(call.text)
    assert re.findall(r"^([A-C])\. ", str(call.text), re.MULTILINE) == ["A", "B", "C"]
    assert [call.id for call in SkeletonOfThought().decompose(PROMPT).calls] == ["outline"]
    assert SkeletonOfThought(router="prompt", router_tokens=None).decompose(PROMPT).calls[0].max_tokens is None


@pytest.mark.parametrize(
    ("reply", "status", "reason"),
    [
        ("A", "split", ""), ("B", "declined", "the router sees a list whose points need one another"),
        ("C", "declined", "the router sees no list"), ("", "fallback", "the router's reply names none of A, B and C"),
        ("I cannot say.", "fallback", "the router's reply names none of A, B and C"), ("A or B", "fallback", "the router's"),
        ("1. Rain", "fallback", "the router's"),
    ],
)  # fmt: skip
def test_a_letter_decides(reply: str, status: str, reason: str) -> None:
    """A leads to the outline call, B and C decline, anything else falls back; each says why."""
    plan = expanded(ROUTED, reply)

    assert plan.status == status
    assert plan.reason.startswith(reason)
    assert [call.id for call in plan.calls] == (["outline"] if status == "split" else ["serial"])


@pytest.mark.parametrize(
    ("reply", "choice"),
    [
        ("A", "A"), ("b", "B"), (" C \n", "C"), ("A.", "A"), ("**A**", "A"), ("(A)", "A"), ("<B>", "B"), ("`C`", "C"),
        ("[A]", "A"), ("“C”", "C"), ("Ａ", "A"), ("\\boxed{A}", "A"), ("Answer: A", "A"), ("Answer: b.", "B"),
        ("answer:\nA", "A"), ("**Answer:** C", "C"), ("答案：B", "B"), ("The answer is **B**.", "B"), ("I choose C", "C"),
        ("The best choice is (a)", "A"), ("A) independent points", "A"), ("a. independent", "A"), ("A: it is a list", "A"),
        ("A - independent", "A"), ("A\n\nThe points stand alone, unlike B.", "A"), ("**B. A list in order**", "B"),
        ("B because steps follow", "B"), ("Of A, B and C, the answer is: C", "C"), ("<think>It is B?</think>\nAnswer: A", "A"),
        ("", ""), ("D", ""), ("ABC", ""), ("A or B", ""), ("A, B", ""), ("between A and B.", ""), ("vitamin", ""),
        ("A list of points", ""), ("a list of points", ""), ("Bravo", ""), ("C'est la vie", ""), ("not sure", ""),
    ],
)  # fmt: skip
def test_the_letter_is_read_leniently(reply: str, choice: str) -> None:
    """Marks, case, width and a sentence around it do not matter; an article, two letters or a word are no choice."""
    assert letter(reply, "ABC") == choice


@settings(max_examples=200, deadline=None)
@given(reply=st.text(st.sampled_from("ABCabc .:*()\n<>'dé"), max_size=30))
def test_any_reply_of_a_router_gives_a_plan(reply: str) -> None:
    """One of the three choices or none of them, never an error."""
    assert letter(reply, "ABC") in ("A", "B", "C", "")
    assert expanded(ROUTED, reply).calls


def test_the_mock_model_routes_by_the_form_of_the_question() -> None:
    """A known prompt of independent items is A, of others B; one that the mock does not know is C."""
    oracle = Oracle(ITEMS)

    def asked(call: Call) -> str:
        return oracle.answer(Ask(str(call.text)))

    apart = [item for item in ITEMS if item.schema and item.dependency == "none"]
    assert {asked(ROUTED.decompose(Prompt("p", item.text)).calls[0]) for item in apart} == {"A"}
    assert asked(ROUTED.decompose(Prompt("p", "Why is the sky blue?")).calls[0]) == "C"
    item = replace(SMOKE[0], dependency="sequential")
    [call] = ROUTED.decompose(Prompt("p", item.text)).calls
    assert Oracle([item]).answer(Ask(str(call.text))) == "B"


@pytest.mark.parametrize("style", ["instruction", "prefix"])
def test_a_routed_prompt_takes_two_planning_calls(style: str) -> None:
    """Router, outline, points: each waits for the one before; a declined or unreadable one is sent as it is."""
    method = SkeletonOfThought(style=style, router="prompt")  # type: ignore[arg-type]
    [split] = execute(method, SMOKE[0].text)
    [declined] = execute(method, "Why is the sky blue?")
    [failed] = execute(method, SMOKE[0].text, knobs="planner_error=1")

    assert (split.status, roles(split)["plan"]) == ("split", 2)
    assert roles(split)["solve"] > 1
    assert (declined.status, roles(declined)) == ("declined", {"plan": 1, "solve": 1})
    assert (failed.status, roles(failed)) == ("fallback", {"plan": 1, "solve": 1})


@pytest.mark.parametrize(
    ("options", "said"),
    [({"style": "both"}, "style is 'both'; have: instruction, prefix"), ({"parser": "x"}, "have: mended, paper"),
     ({"router": "bert"}, "have: none, prompt"), ({"router_tokens": 0}, "router_tokens is 0; give 1 or more")],
)  # fmt: skip
def test_options_are_checked(options: dict[str, object], said: str) -> None:
    """An unknown choice is refused with the ones that there are."""
    with pytest.raises(ValueError, match=said):
        SkeletonOfThought(**options)  # type: ignore[arg-type]
