"""Skeleton-of-Thought (Ning et al., ICLR 2024, arXiv 2307.15337, section 2): an outline call, then one call a point.

`style` is one of the two published prompt styles (appendix B), `parser=paper` finds the points of the published code,
and `router=prompt` asks first whether the answer is a list of independent points at all (SoT-R, section 4).

Mended here: the points really run at the same time (the released API path expands them one by one), and an outline
without points falls back to serial instead of giving an empty answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar, Literal

from ppbench import Call, Join, Plan, Prompt, Schema
from ppbench_plugins.decomposers.reading import MOST_PARTS, letter, points_mended, points_paper, without_thought
from ppbench_plugins.prompts import fill

_OPENING = " 1."
_REPEATED = re.compile(r"[\s*#]*1[.)．）]")
_DECLINED = {"B": "the router sees a list whose points need one another", "C": "the router sees no list"}


@dataclass(frozen=True)
class Continued:
    """The answers in order with a blank line between; in each, a blank after the words that opened it, as published."""

    openings: tuple[str, ...]
    ordered: ClassVar[bool] = True

    def __call__(self, texts: Sequence[str]) -> str:
        pairs = zip(self.openings, texts, strict=False)
        return "\n\n".join(f"{opening} {text.removeprefix(opening)}" for opening, text in pairs)


@dataclass(frozen=True)
class SkeletonOfThought:
    name: ClassVar[str] = "sot"
    style: Literal["instruction", "prefix"] = "instruction"
    """`prefix` opens the assistant's turn, as the paper does for its open models; not every endpoint allows that."""
    parser: Literal["mended", "paper"] = "mended"
    router: Literal["none", "prompt"] = "none"
    """`prompt`: a first call asks how the answer is best written; only a list of independent points is split."""
    router_tokens: int | None = 10
    """Limit of the router's reply, as published; `none` leaves it to the endpoint, as a model that thinks aloud needs."""

    def __post_init__(self) -> None:
        for option, have in (
            ("style", ("instruction", "prefix")),
            ("parser", ("mended", "paper")),
            ("router", ("none", "prompt")),
        ):
            if getattr(self, option) not in have:
                raise ValueError(f"{option} is {getattr(self, option)!r}; have: {', '.join(have)}")
        if self.router_tokens is not None and self.router_tokens < 1:
            raise ValueError(f"router_tokens is {self.router_tokens}; give 1 or more, or none for no limit")

    def decompose(self, prompt: Prompt) -> Plan:
        return Plan((self._route(prompt) if self.router == "prompt" else self._outline(prompt),))

    def _route(self, prompt: Prompt) -> Call:
        def routed(reply: str) -> Plan:
            choice = letter(reply, "ABC")
            if not choice:
                return Plan.fallback(prompt, "the router's reply names none of A, B and C")
            return Plan.decline(prompt, _DECLINED[choice]) if choice in _DECLINED else Plan((self._outline(prompt),))

        text = fill("sot_router", request=prompt.text)
        return Call("route", text, role="plan", max_tokens=self.router_tokens, expand=routed)

    def _outline(self, prompt: Prompt) -> Call:
        prefixed = self.style == "prefix"
        text = fill("sot_outline_prefix" if prefixed else "sot_outline", request=prompt.text)
        prefix = _OPENING if prefixed else None
        return Call("outline", text, role="plan", prefix=prefix, expand=lambda outline: self._points(prompt, outline))

    def _points(self, prompt: Prompt, outline: str) -> Plan:
        reply = outline.removeprefix(_OPENING)
        if self.parser == "mended":
            said = without_thought(reply)
            if said != reply or (self.style == "prefix" and _REPEATED.match(said)):
                outline = said  # the model began anew, behind the number that was written
        points = (points_paper if self.parser == "paper" else points_mended)(outline)
        if not points:
            return Plan.fallback(prompt, "the outline holds no points")
        if len(points) > MOST_PARTS:
            return Plan.fallback(prompt, f"the outline holds {len(points)} points, more than {MOST_PARTS}")
        calls = tuple(self._point(prompt, outline, index, point) for index, point in points)
        merge = Continued(tuple(call.prefix or "" for call in calls)) if self.style == "prefix" else Join("\n\n")
        return Plan(calls, merge, _schema([text for _, text in points]))

    def _point(self, prompt: Prompt, outline: str, index: str, point: str) -> Call:
        values = {"request": prompt.text, "outline": outline, "index": index, "point": point}
        if self.style == "prefix":
            return Call(index, fill("sot_point_prefix", **values), prefix=f"{index}. {point}")
        return Call(index, fill("sot_point", **values))


def _schema(points: Sequence[str]) -> Schema | None:
    """What an outline split the prompt into; points that cannot be told apart, and a single one, are no split."""
    with suppress(ValueError):
        return Schema("{data}", data=tuple(points))
    return None
