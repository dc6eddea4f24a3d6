"""Spec strings and components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import pytest

from ppbench import UsageError
from ppbench.specs import build, spec_of, split_spec


@dataclass(frozen=True)
class Thing:
    name: ClassVar[str] = "thing"
    breadth: int = 2
    rate: float = 0.5
    on: bool = False
    mode: Literal["a", "b"] = "a"
    note: str = ""
    limit: int | None = None


def make(spec: str) -> Thing:
    thing: Thing = build(Thing, split_spec(spec)[1], spec=spec)
    return thing


@pytest.mark.parametrize(
    "spec", ["thing", "thing:breadth=3", "thing:breadth=3,rate=0.25,on=true,mode=b", 'thing:note="a,b:c=d"', "thing:limit=7"]
)
def test_a_spec_is_the_name_of_what_it_makes(spec: str) -> None:
    """Reading a spec and naming the component gives the spec again."""
    assert spec_of(make(spec)) == spec


def test_quotes_carry_any_value() -> None:
    """Commas, colons, equal signs and quotes pass through."""
    for note in ('say "hi", it\'s: a=b', "back\\slash", " "):
        assert make(spec_of(Thing(note=note))).note == note


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ("thing:bredth=3", "no option 'bredth'; have: breadth, rate"),
        ("thing:breadth=x", "'x' is not a number"),
        ("thing:on=maybe", "neither true nor false"),
        ("thing:mode=c", "not one of a, b"),
        ("thing:breadth", "cannot read options"),
        ("thing:breadth=1,breadth=2", "stands twice"),
    ],
)
def test_a_bad_spec_says_what_is_known(spec: str, complaint: str) -> None:
    """The message names the spec, the option and what it could be."""
    with pytest.raises(UsageError, match=complaint):
        make(spec)
