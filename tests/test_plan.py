"""Schemas, calls and plans: what cannot exist, and text that stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppbench import NUMBERED, Call, Join, Plan, Prompt, Schema


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"template": "", "n": 2}, "template is empty"),
        ({"template": None, "n": 2}, "template is empty"),
        ({"template": "{data}", "data": ["a", "b"], "n": 2}, "both"),
        ({"template": "x"}, "neither"),
        ({"template": "do it", "data": ["a", "b"]}, "template lacks {data}"),
        ({"template": "{data}", "data": ["a"]}, "two or more"),
        ({"template": "{data}", "data": "ab"}, "two or more"),
        ({"template": "{data}", "data": ["a", 1]}, "item 2 is not a string"),
        ({"template": "{data}", "data": ["a", " "]}, "item 2 is not a string"),
        ({"template": "{data}", "data": ["a", "a"]}, "twice"),
        ({"template": "x", "n": 1}, "not 2 or more"),
        ({"template": "x", "n": 2.5}, "not 2 or more"),
        ({"template": "x", "n": True}, "not 2 or more"),
        ({"template": "x", "n": 1e308}, "up to 10000"),
        ({"template": "x {data}", "n": 2}, "counts with n"),
        ({"template": "{context} {data}", "data": ["a", "b"]}, "context is empty"),
        ({"template": "{data}", "context": "c", "data": ["a", "b"]}, "lacks {context}"),
        ({"template": "x", "context": 5, "n": 2}, "context is a string"),
    ],
)
def test_a_schema_that_breaks_a_rule_is_refused(fields: dict[str, Any], complaint: str) -> None:
    """Each rule has a complaint of its own; none of these schemas can exist."""
    with pytest.raises(ValueError, match=complaint.replace("{", r"\{")):
        Schema.from_json(fields)


def test_a_float_that_is_whole_counts() -> None:
    """The published data set stores n as float64."""
    assert Schema.from_json({"template": "x", "n": 3.0}).n == 3


@given(st.text(min_size=1).filter(str.strip), st.text(min_size=1).filter(str.strip))
def test_render_is_literal(item: str, context: str) -> None:
    """Whatever an item or a context holds reaches the model as it is."""
    schema = Schema("{context}|{data}", context, data=(item, item + "!"))
    assert schema.render() == (f"{context}|{item}", f"{context}|{item}!")


@pytest.mark.parametrize("item", ["$1 $& \\1 \\g<0>", "{data} {context} {n}", "a'b\"c`", "עברית", "x" * 200_000])
def test_render_does_not_read_the_text(item: str) -> None:
    """Placeholders, group references and quotes in a text are data."""
    assert Schema("<{data}>", data=(item, "other")).render()[0] == f"<{item}>"


def test_a_count_becomes_one() -> None:
    """A template over n is rendered n times, {n} as 1."""
    assert Schema("Write {n} story", n=3).render() == ("Write 1 story",) * 3


@pytest.mark.parametrize(
    ("calls", "complaint"),
    [
        ([], "at least one"),
        ([Call("a", "x"), Call("a", "y")], "stands twice"),
        ([Call("a", "x", needs=("b",))], "waits for 'b'"),
        ([Call("a", "x", needs=("b",)), Call("b", "y", needs=("a",))], "waits for itself"),
        ([Call("a", "x", after=("b",)), Call("b", "y", needs=("a",))], "waits for itself"),
    ],
)
def test_a_plan_that_cannot_run_cannot_be_made(calls: list[Call], complaint: str) -> None:
    """Ids are unique, every need is known, nothing waits for itself."""
    with pytest.raises(ValueError, match=complaint):
        Plan(tuple(calls))


def test_call_ids_are_names() -> None:
    """A path separator in an id, or no id, is refused."""
    for name in ("", "a/b"):
        with pytest.raises(ValueError, match="call id"):
            Call(name, "x")


def test_sinks_are_what_nothing_needs_in_order() -> None:
    """The answer is made of the calls that no other call needs."""
    plan = Plan((Call("a", "x"), Call("b", "y"), Call("c", "z", needs=("a",))))
    assert plan.answers == ("b", "c")


def test_a_plan_may_name_its_answers() -> None:
    """A call that others need can be part of the answer too; what is named must be there, once."""
    calls = (Call("a", "x"), Call("b", "y", needs=("a",)))
    assert Plan(calls, answers=("a", "b")).answers == ("a", "b")
    for wrong in (("a", "c"), ("a", "a")):
        with pytest.raises(ValueError, match="each once"):
            Plan(calls, answers=wrong)


def test_any_merge_may_say_that_it_is_ordered() -> None:
    """What counts is what a merge says of itself, not its class."""

    def reverse(texts: Sequence[str]) -> str:
        return "".join(reversed(texts))

    assert Plan((Call("a", "x"),)).ordered
    assert not Plan((Call("a", "x"),), reverse).ordered
    reverse.ordered = True  # type: ignore[attr-defined]
    assert Plan((Call("a", "x"),), reverse).ordered


def test_a_decline_and_a_fallback_are_the_serial_plan() -> None:
    """Both send the prompt as it is; the status tells them apart."""
    prompt = Prompt("p", "text")
    plans = [Plan.serial(prompt), Plan.decline(prompt, "why"), Plan.fallback(prompt, "why")]

    assert [plan.calls for plan in plans] == [(Call("serial", "text"),)] * 3
    assert [plan.status for plan in plans] == ["serial", "declined", "fallback"]


def test_a_numbered_join_indents_further_lines() -> None:
    """Lines of a part stay inside its number, so a list within a part is no part of the list."""
    assert NUMBERED(["a\n1. b", "c"]) == "1. a\n   1. b\n2. c"
    assert Join()(["a", "b"]) == "a\n\nb"
