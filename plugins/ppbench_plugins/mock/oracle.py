"""The mock model's mind: it answers what the request holds, in the form that the request asks for.

An answer is right only if the request holds the item, the context its answer depends on, and the instruction;
else it is `unknown`. Planning, merging and judging are told by the form of the output, never by a wording.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from ppbench import Item, Schema
from ppbench_plugins.mock import compute
from ppbench_plugins.mock.filler import chance, mistake, sentence
from ppbench_plugins.mock.forms import (
    JsonForm,
    LetterForm,
    OutlineForm,
    PartForm,
    PlanForm,
    PointForm,
    RunForm,
    WholeForm,
    blocks,
    choices,
    form_of,
    pair,
)
from ppbench_plugins.mock.judge import choose
from ppbench_plugins.mock.knowledge import Found, Knowledge, is_set, squeeze

UNKNOWN = "unknown"
_MARK = re.compile(r"^[ \t]*+(?:\d+[.)]|[-*•])[ \t]++")
_TIMES = re.compile(r"\(×(\d+): (\d+)–\d+\)\s*$")
"""How a division states a run of open pieces: how many, and which of them."""
_LISTED = re.compile(r"^[ \t]*+(?:\d+[.)]|[-*•])[ \t]++(\S.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Ask:
    """What the model is given."""

    text: str
    system: str = ""
    prefix: str | None = None
    json_schema: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Habits:
    """How the mock model behaves; part of a profile."""

    piece_words: int = 16
    """Words of an open piece (a story, a slogan) written alone."""
    budget_words: int = 60
    """Length budget of a whole reply: pieces written together share it (the paper's explanation of longer split
    answers, ParallelPrompt section 4). 0 switches it off."""
    planner_error: float = 0.0
    """Share of planning replies that cannot be read."""
    item_error: float = 0.0
    """Share of items that are answered wrongly."""
    judge: Literal["honest", "gullible"] = "honest"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.judge not in ("honest", "gullible"):
            raise ValueError(f"judge is {self.judge!r}; have: honest, gullible")
        for name, rate in (("planner_error", self.planner_error), ("item_error", self.item_error)):
            if not 0 <= rate <= 1:
                raise ValueError(f"{name} is a share from 0 to 1, not {rate:g}")


class Oracle:
    """Answers requests. Deterministic: the same request gets the same reply."""

    def __init__(self, items: Sequence[Item], habits: Habits = Habits()) -> None:
        self._knowledge = Knowledge(items)
        self._habits = habits

    def answer(self, ask: Ask) -> str:
        """The reply to a request, as text."""
        text = f"{ask.system}\n{ask.text}"
        found = self._knowledge.find(text)
        form = form_of(_frame(ask.text, found), ask.prefix, ask.json_schema)
        match form:
            case JsonForm(shown):
                return self._json(shown, ask.text, found)
            case OutlineForm(opened):
                return self._outline(ask.text, found, opened=opened)
            case PointForm(number, opening, opened):
                written = self._entry(found, number - 1, ask.text)
                return written if opened else f"{number}. {opening} {written}".replace("  ", " ")
            case RunForm(count):
                return _listing([self._piece(ask.text, place, count) for place in range(count)])
            case PlanForm(closing):
                return "\n".join([*self._subtasks(ask.text, found), closing])
            case PartForm(part):
                return self._solve(part, found.part(part) if found else None, ask.text) or UNKNOWN
            case WholeForm(problem, parts):
                return _merge(problem, parts)
            case LetterForm(letters):
                return self._choice(letters, ask.text, found)
        return self._solve(ask.text, found)

    def solves(self, ask: Ask) -> str:
        """Category of the known prompt that a request solves, all of it or a part; empty if it plans, or is unknown."""
        found = self._knowledge.find(f"{ask.system}\n{ask.text}")
        form = form_of(_frame(ask.text, found), ask.prefix, ask.json_schema)
        if found is None or isinstance(form, JsonForm | OutlineForm | PlanForm | LetterForm):
            return ""
        return found.known.item.category

    # Solving

    def _solve(self, text: str, found: Found | None, whole: str = "") -> str:
        """The answer to a text, or to a part of a whole request: what is made up depends on the whole."""
        whole = whole or text
        computed = "" if found and found.understood else compute.solve(text)
        if computed or found is None:  # a word of a puzzle may be the item of some prompt by accident
            return computed or sentence(self._habits.piece_words, self._habits.seed, whole)
        schema = _schema(found)
        if schema.n is not None:
            asked = self._asked(text, found)
            return _listing([self._piece(whole, place, asked) for place in range(asked)])
        return _listing([self._item(found, place, whole) for place in found.places])

    def _asked(self, text: str, found: Found) -> int:
        """How many open pieces a request asks for."""
        times = _TIMES.search(text)
        return int(times[1]) if times else (_schema(found).size if found.whole else 1)

    def _entry(self, found: Found | None, place: int, text: str) -> str:
        """What stands at one place of the list that a prompt asks for."""
        if found is None:
            return sentence(self._habits.piece_words, self._habits.seed, text, place)
        if _schema(found).n is not None:
            return self._piece(text, place)
        return self._item(found, place, text) if place in found.places else UNKNOWN

    def _item(self, found: Found, place: int, text: str) -> str:
        item = found.known.item
        if not found.understood or item.reference is None:
            return UNKNOWN
        if chance("item", self._habits.seed, item.id, place, text).random() < self._habits.item_error:
            return mistake(3, self._habits.seed, text, place)
        right = item.reference[place]
        return ", ".join(right) if is_set(item) else right[0]

    def _piece(self, text: str, place: int, asked: int = 1) -> str:
        """One of `asked` open pieces that stand in the same reply and share its budget."""
        habits = self._habits
        words = habits.piece_words
        if asked > 1 and habits.budget_words:
            words = max(2, min(words, habits.budget_words // asked))
        return sentence(words, habits.seed, text, place)

    # Planning

    def _json(self, shown: Mapping[str, Any], text: str, found: Found | None) -> str:
        if any(choices(value) for value in shown.values()):
            return json.dumps(choose(shown, text, found.known.item if found else None, self._habits.judge), ensure_ascii=False)
        if chance("plan", self._habits.seed, text).random() < self._habits.planner_error:
            return '{"' + next(iter(shown), "") + '": "' + sentence(4, text)  # cut off in the middle
        if {"template", "data"} <= shown.keys():
            return json.dumps(_in_order(shown, self._extraction(text, found)), ensure_ascii=False)
        lists = {key: len(value) for key, value in shown.items() if isinstance(value, list)}
        if lists:
            return json.dumps({key: _division(found, text, breadth) for key, breadth in lists.items()}, ensure_ascii=False)
        return json.dumps({key: self._solve(text, found) for key in shown}, ensure_ascii=False)

    def _extraction(self, text: str, found: Found | None) -> dict[str, Any]:
        """The schema of the prompt that a request carries; of an unknown one, what its list marks show."""
        if found is not None and found.whole:
            item = found.known.item
            flat = item.splittable is not False
            return {"parallelizable": True, "category": item.category, **_schema(found).to_json()} if flat else {}
        carried = "\n".join(blocks(text))
        listed = list(dict.fromkeys(text.strip() for text in _LISTED.findall(carried)))
        if len(listed) < 2 or self._knowledge.is_single(carried):
            return {}
        head = next((line.strip() for line in carried.splitlines() if line.strip() and not _MARK.match(line)), "")
        return {"parallelizable": True, "template": head.replace("{", "(").replace("}", ")") + "\n{data}", "data": listed}

    def _outline(self, text: str, found: Found | None, *, opened: bool) -> str:
        if chance("plan", self._habits.seed, text).random() < self._habits.planner_error:
            return sentence(12, text)
        outline = "\n".join(f"{k}. {point}" for k, point in enumerate(_points(text, found), 1))
        return outline.removeprefix("1.") if opened else outline

    def _choice(self, letters: Sequence[str], text: str, found: Found | None) -> str:
        """How a prompt's answer is built: the first letter for apart, the second for one on another, the last for neither."""
        if chance("plan", self._habits.seed, text).random() < self._habits.planner_error:
            return sentence(4, text)
        if found is None or not found.whole:
            return letters[-1]
        return letters[found.known.item.dependency != "none"]

    def _subtasks(self, text: str, found: Found | None) -> list[str]:
        """A line for each item of a known prompt; of an unknown one two, the second of which needs the first."""
        if chance("plan", self._habits.seed, text).random() < self._habits.planner_error:
            return [f"1. {sentence(4, text)}", "2. $9"]
        if found is not None:
            rendered = _schema(found).render() if _schema(found).data is None else ()
            stated = [f"{squeeze(one)} ({k})" for k, one in enumerate(rendered, 1)] or [
                squeeze((_schema(found).data or ())[place]) + _needs(found.known.item, place) for place in found.places
            ]
        elif compute.solve(carried := "\n".join(blocks(text))) or self._knowledge.is_single(carried):
            stated = []
        else:
            stated = [sentence(4, text, 1), sentence(3, text, 2).rstrip(".") + ": $1"]
        return [f"{k}. {line}" for k, line in enumerate(stated, 1)]


def _needs(item: Item, place: int) -> str:
    """References to the subtasks that one needs, by their numbers from 1."""
    needed = sorted(one + 1 for one, other in item.edges if other == place)
    return f" ({', '.join(f'${k}' for k in needed)})" if needed else ""


def _frame(text: str, found: Found | None) -> str:
    """A request without the prompt that it carries, so that lists and braces in the prompt are no form."""
    if found is None or not found.whole:
        return text
    pattern = r"\s+".join(re.escape(word) for word in squeeze(found.known.item.text).split(" "))
    return re.sub(pattern, " ", text, count=1)


def _schema(found: Found) -> Schema:
    assert found.known.item.schema is not None
    return found.known.item.schema


def _listing(answers: Sequence[str]) -> str:
    if len(answers) == 1:
        return answers[0]
    return "\n".join(f"{k}. {text}" for k, text in enumerate(answers, 1))


def _in_order(shown: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields in the order of the form; one that nothing is known of keeps a value of its kind that says nothing."""
    nothing = {key: False if isinstance(value, bool) else None for key, value in shown.items()}
    return {key: values.get(key, nothing[key]) for key in shown}


def _division(found: Found | None, text: str, breadth: int) -> list[str]:
    """The prompt's subtasks in `breadth` runs, each stated alone; none for a prompt that is not known."""
    if found is None:
        return []
    schema = _schema(found)
    places = list(found.places) if schema.data else _pieces(text, schema.size)
    runs = _runs(places, min(breadth, len(places)))
    if schema.data is None:
        return [f"{schema.template} (×{len(run)}: {run[0]}–{run[-1]})" for run in runs]
    shell = schema.template.replace("{context}", schema.context or "")
    return [shell.replace("{data}", "\n".join(schema.data[place] for place in run)) for run in runs]


def _pieces(text: str, size: int) -> list[int]:
    """The numbers of the open pieces that the carried problem asks for: those of a run, else all."""
    run = _TIMES.search("\n".join(blocks(text)) or text)
    return list(range(int(run[2]), int(run[2]) + int(run[1]))) if run else list(range(1, size + 1))


def _runs(places: Sequence[int], count: int) -> list[list[int]]:
    size, extra = divmod(len(places), max(1, count))
    cuts = [k * size + min(k, extra) for k in range(count + 1)]
    return [list(places[a:b]) for a, b in pairwise(cuts)]


def _points(text: str, found: Found | None) -> list[str]:
    """The points of an outline: the first words of each item, or so many made-up ones."""
    if found is None:
        return [sentence(3, text, k).rstrip(".") for k in range(4)]
    schema = _schema(found)
    if schema.data is None:
        return [sentence(3, text, k).rstrip(".") for k in range(schema.size)]
    return [" ".join(schema.data[place].split()[:4])[:24].strip().rstrip(".,:;") for place in found.places]


def _merge(problem: str, parts: Sequence[str]) -> str:
    """The parts of a request as one answer: computed where the problem can be, else listed in order."""
    pairs = [pair(part) for part in parts]
    computed = compute.merge(problem, [answer for _, answer in pairs], [asked for asked, _ in pairs])
    if computed:
        return computed
    return _listing([line for _, answer in pairs for line in _lines(answer)])


def _lines(part: str) -> list[str]:
    """The answers that a part lists; a single line is one answer, whatever it begins with."""
    lines = [line.strip() for line in part.splitlines() if line.strip()]
    return [_MARK.sub("", line).strip() for line in lines] if len(lines) > 1 else lines
