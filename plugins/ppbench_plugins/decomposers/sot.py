"""Skeleton-of-Thought (Ning et al., ICLR 2024, arXiv 2307.15337): an outline call, then one call a point, at once.

Mended here: the points really run at the same time (the released API path expands them one by one), and an outline
without points falls back to serial instead of giving an empty answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from ppbench import Call, Join, Plan, Prompt
from ppbench_plugins.decomposers.reading import MOST_PARTS, points_mended, points_paper
from ppbench_plugins.prompts import fill


@dataclass(frozen=True)
class SkeletonOfThought:
    name: ClassVar[str] = "sot"
    style: Literal["instruction", "prefix"] = "instruction"
    """`prefix` opens the assistant's turn, as the paper does for its open models; not every endpoint allows that."""
    parser: Literal["mended", "paper"] = "mended"

    def decompose(self, prompt: Prompt) -> Plan:
        return Plan((self._outline(prompt),))

    def _outline(self, prompt: Prompt) -> Call:
        prefixed = self.style == "prefix"
        text = fill("sot_outline_prefix" if prefixed else "sot_outline", request=prompt.text)
        prefix = " 1." if prefixed else None
        return Call("outline", text, role="plan", prefix=prefix, expand=lambda outline: self._points(prompt, outline))

    def _points(self, prompt: Prompt, outline: str) -> Plan:
        points = (points_paper if self.parser == "paper" else points_mended)(outline)
        if not points:
            return Plan.fallback(prompt, "the outline holds no points")
        if len(points) > MOST_PARTS:
            return Plan.fallback(prompt, f"the outline holds {len(points)} points, more than {MOST_PARTS}")
        return Plan(tuple(self._point(prompt, outline, index, point) for index, point in points), Join("\n\n"))

    def _point(self, prompt: Prompt, outline: str, index: str, point: str) -> Call:
        values = {"request": prompt.text, "outline": outline, "index": index, "point": point}
        if self.style == "prefix":
            return Call(index, fill("sot_point_prefix", **values), prefix=f"{index}. {point} ")
        return Call(index, fill("sot_point", **values))
