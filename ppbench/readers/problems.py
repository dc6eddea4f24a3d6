"""Multi-problem sets with gold answers, as ZeMPE has them: several problems in a row, and an answer for each.

Either the row lists its problems beside an instruction, or they stand numbered in its prompt and a template says how one
of them is asked: an instruction for "the 5 lines below" is not taken for one line on a guess.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ppbench.readers.cells import label, listed, text
from ppbench.readers.layout import Fields, Layout

_NUMBER = re.compile(r"^(?:Q(?:uestion )?)?(\d{1,4})[.:)][ \t]*", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\{(?:data|context|n)\}")


def _build(fields: Fields, name: str) -> dict[str, Any]:
    prompt, instruction = text(fields["text"], "text"), text(fields["instruction"], "instruction")
    template, context = text(fields["template"], "template"), text(fields["context"], "context")
    answers = [_answer(value) for value in listed(fields["answers"], "answers") or []]
    problems = listed(fields["problems"], "problems")
    if problems is None:
        if not (prompt and template):
            raise ValueError("lists no problems; name their column with --map problems=COLUMN, or say with --template how one "
                             "of the numbered problems in the prompt is asked")  # fmt: skip
        problems = _numbered(prompt)
    if not all(isinstance(problem, str) for problem in problems):
        raise ValueError("a problem is a text")
    if len(answers) != len(problems):
        raise ValueError(f"holds {len(problems)} problems and {len(answers)} answers")
    if template is None:
        template = _template(instruction, context)
    numbered = "\n".join(f"{place}. {problem}" for place, problem in enumerate(problems, 1))
    return {
        "text": prompt or "\n\n".join(filter(None, [context, instruction, numbered])),
        "language": fields["language"],
        "category": text(fields["category"], "category"),
        "schema": {"template": template, "context": context, "data": problems, "n": None},
        "reference": answers,
        "splittable": True,
        "source": " ".join(filter(None, [name, label(fields["number"], "id")])),
    }


def _answer(value: Any) -> str | list[str]:
    """A gold answer, or its accepted variants, as text."""
    if isinstance(value, list) and value:
        return [part for variant in value if isinstance(part := _answer(variant), str)]
    if isinstance(value, (bool, list, dict)) or (plain := label(value, "answer")) is None:
        raise ValueError(f"an answer is a text, a number or a list of them, this is {str(value)[:40]!r}")
    return plain


def _template(instruction: str | None, context: str | None) -> str:
    if instruction is None:
        raise ValueError("has no instruction, and no template; name its column with --map instruction=COLUMN")
    if _PLACEHOLDER.search(instruction):
        raise ValueError("the instruction holds a placeholder; is it a template (--map template=COLUMN)?")
    return "\n\n".join(["{context}"] * bool(context) + [instruction, "{data}"])


def _numbered(prompt: str) -> list[str]:
    """The problems that stand under 1, 2, 3 ...; the last ends at an empty line."""
    starts: list[re.Match[str]] = []
    for match in _NUMBER.finditer(prompt):
        if int(match[1]) == len(starts) + 1:
            starts.append(match)
    ends = [match.start() for match in starts[1:]] + [len(prompt)]
    cut = [prompt[match.end() : end] for match, end in zip(starts, ends, strict=True)]
    return [part.strip() for part in cut[:-1]] + [part.split("\n\n")[0].strip() for part in cut[-1:]]


MULTI_PROBLEM = Layout(
    title="several problems and gold answers a row, as in ZeMPE",
    fields={
        "text": ("text", "prompt"),
        "language": ("language", "lang"),
        "category": ("category",),
        "instruction": ("instruction",),
        "template": ("template",),
        "context": ("context",),
        "problems": ("problems", "questions", "texts", "items", "data"),
        "answers": ("answers", "answer", "labels", "reference"),
        "number": ("id", "taskIndex", "promptIdx"),
    },
    build=_build,
    required=("answers",),
)


def with_template(layout: Layout, template: str) -> Layout:
    """The same, where a row without a template has this one."""

    def build(fields: Mapping[str, Any], name: str) -> dict[str, Any]:
        return layout.build({**fields, "template": fields["template"] or template}, name)

    return replace(layout, build=build)
