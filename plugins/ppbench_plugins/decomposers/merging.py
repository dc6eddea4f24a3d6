"""The call in which a model puts answers together: one for trees and for flat splits. Knows no method."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ppbench import Call
from ppbench_plugins.prompts import block, fill


def model_merge(
    problem: str, children: Sequence[str], name: str, asked: Sequence[str] = (), extract: Callable[[str], str] = str
) -> Call:
    """The call that answers a node: shown what its children answered, and what they were asked if that is given."""

    def text(answers: Mapping[str, str]) -> str:
        said = [extract(answers[child]) for child in children]
        if asked:
            said = [f"{block('question', q)}\n{block('answer', a)}" for q, a in zip(asked, said, strict=True)]
        parts = "\n\n".join(block(f"part {k}", one) for k, one in enumerate(said, 1))
        return fill("top_merge_pairs" if asked else "top_merge", problem=problem, parts=parts)

    return Call(name, text, needs=tuple(children), role="merge")
