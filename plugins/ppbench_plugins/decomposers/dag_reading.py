"""Reads the plan of a planning call: numbered subtasks, one a line, that may refer to the answers of earlier ones.

Lenient about marks, strict about sense: a plan that cannot be what the planner meant raises ValueError with a reason
fit for a record. Works on complete lines, so a plan that still streams reads as the beginning of the whole one. Knows
no call and no prompt file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ppbench_plugins.decomposers.reading import without_thought

END = "end"
"""The line that closes a plan. Without it a plan was cut off."""
MOST_TEXT = 100_000
"""Characters of a plan; whoever writes more is not planning."""
MOST_LINES = 1000
_LINE = re.compile(
    r"[ \t]*+(?:[-+•][ \t]++|#{1,6}[ \t]*+)?(?:\*\*|__|`)?[ \t]*+[(（\[]?(\d{1,4})(?:\*\*|__|`)?[ \t]?[.)．）、:：\]]"
    r"(?!\d)(?:\*\*|__|`)?[ \t]*+(.*)"
)
_REFERENCE = re.compile(r"(\\?)[$＄](?:\{[ ]*+(\d{1,4})[ ]*+\}|(\d{1,4})(?!\d))(\.\d|,\d{3}(?!\d))?")
_FENCE = re.compile(r"[ \t]*+(?:```|~~~)[\w ]*+")
_MARKS = " \t\r*_`<>#.()[]:;!。-"


@dataclass(frozen=True)
class Subtask:
    """One line of a plan."""

    number: int
    segments: tuple[str | int, ...]
    """Its text; a number stands for the answer of that subtask."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The subtasks it refers to, each once."""
        return tuple(dict.fromkeys(str(part) for part in self.segments if isinstance(part, int)))

    def text(self, answers: Mapping[str, str] | None = None) -> str:
        """The text with its references as the planner wrote them, or replaced by answers. One pass: an answer is data,
        and what looks like a reference in it stays."""
        if answers is None:
            return "".join(part if isinstance(part, str) else f"${part}" for part in self.segments)
        return "".join(part if isinstance(part, str) else answers[str(part)] for part in self.segments)


@dataclass(frozen=True)
class Reading:
    """How far a plan could be read."""

    subtasks: tuple[Subtask, ...] = ()
    ended: bool = False
    """The closing line is there."""
    problem: str = ""
    """Why it is no plan, from the line on where it ceases to be one."""


class PlanReader:
    """Reads the plan for one request, whole or as far as it has come. A plan that streams is looked at token by token and
    grows line by line: what its lines say is remembered."""

    def __init__(self, request: str, most: int) -> None:
        self._request, self._most = request, most
        self._lines, self._reading = "", Reading()

    def read(self, reply: str) -> tuple[Subtask, ...]:
        """The subtasks of a whole reply; none if the planner closed a plan without any. Raises ValueError."""
        reply = without_thought(reply)
        reading = self._read(reply[: MOST_TEXT + 1] + "\n")
        if reading.problem:
            raise ValueError(reading.problem)
        if len(reply) > MOST_TEXT and not reading.ended:
            raise ValueError(f"the reply goes on after {MOST_TEXT} characters")
        if not reading.ended:
            raise ValueError(f"cut off: it lacks the closing line {END!r}" if reading.subtasks else "the reply holds no plan")
        return reading.subtasks

    def read_so_far(self, reply: str) -> tuple[Subtask, ...]:
        """The subtasks that a reply holds for sure while it still streams: their lines are complete.

        The first is held back until a second one begins, a word or two later: a plan of one line is no split.
        """
        reply = without_thought(reply)
        cut = reply.rfind("\n") + 1
        if len(reply) > MOST_TEXT or (cut > len(self._lines) and reply.count("\n") > MOST_LINES):
            return ()  # what was known is known; no further line will be
        if cut != len(self._lines) or not reply.startswith(self._lines):
            self._lines, self._reading = reply[:cut], self._read(reply[:cut])
        reading = self._reading
        if len(reading.subtasks) != 1:
            return reading.subtasks
        goes_on = not (reading.ended or reading.problem) and _begins(reply[cut:], reading.subtasks[0].number)
        return reading.subtasks if goes_on else ()

    def _read(self, lines: str) -> Reading:
        found: list[Subtask] = []
        try:
            for number, text in _numbered(lines):
                if number is None:
                    return Reading(tuple(found), ended=True)
                if len(found) == self._most:
                    raise ValueError(f"more than {self._most} subtasks")
                found.append(_subtask(number, text, [subtask.number for subtask in found], self._quoted))
        except ValueError as error:
            return Reading(tuple(found), problem=str(error))
        return Reading(tuple(found))

    @cached_property
    def _quoted(self) -> frozenset[tuple[bool, int]]:
        """What the request holds that looks like a reference: whether it has braces, and its number."""
        return frozenset((bool(match[2]), int(match[2] or match[3])) for match in _REFERENCE.finditer(self._request))


def _begins(line: str, after: int) -> bool:
    """An incomplete line opens a further subtask, and not the end."""
    match = _LINE.match(line)
    bare = match[2].strip(_MARKS).casefold() if match else ""
    return bool(match) and int(match[1]) > after and not END.startswith(bare)  # type: ignore[index]


def _numbered(lines: str) -> Iterator[tuple[int | None, str]]:
    """(number, text) of each line of the plan, which begins at a line numbered 1; (None, "") for its end.

    Raises ValueError at a line within the plan that is none of it: it may be the rest of a subtask, and would be lost.
    """
    begun = False
    for place, line in enumerate(lines.split("\n")):
        if place > MOST_LINES:
            raise ValueError(f"more than {MOST_LINES} lines")
        match = _LINE.fullmatch(line.rstrip())
        text = match[2].strip() if match else ""
        if (text if match else line).strip(_MARKS).casefold() == END:
            yield None, ""
            return
        if match and (begun or int(match[1]) == 1):
            begun = True
            yield int(match[1]), _unmarked(text)
        elif begun and line.strip(_MARKS) and not _FENCE.fullmatch(line.rstrip()):
            raise ValueError(f"a line within the plan is no subtask: {line.strip()[:40]!r}")


def _unmarked(text: str) -> str:
    """Without the second half of a pair of marks that opened before the number."""
    for mark in ("**", "__", "`"):
        if text.count(mark) % 2 and text.endswith(mark):
            return text.removesuffix(mark).strip()
    return (text.replace("**", "", 1) if text.count("**") % 2 else text).strip()


def _subtask(number: int, text: str, earlier: list[int], quoted: frozenset[tuple[bool, int]]) -> Subtask:
    if earlier and number <= earlier[-1]:
        raise ValueError(f"subtask {number} comes after subtask {earlier[-1]}")
    if not text:
        raise ValueError(f"subtask {number} is empty")
    segments: list[str | int] = []
    at = 0
    for match in _REFERENCE.finditer(text):
        if _refers(match, number, earlier, quoted):
            segments += [text[at : match.start()], int(match[2] or match[3])]
            at = match.end()
    return Subtask(number, tuple(part for part in (*segments, text[at:]) if part != ""))


def _refers(match: re.Match[str], own: int, earlier: list[int], quoted: frozenset[tuple[bool, int]]) -> bool:
    """Whether a dollar sign and a number are a reference; else they are an amount, or text of the request."""
    number = int(match[2] or match[3])
    if match[1] or (match[4] and not match[2]):  # \$5, $5.00 and $5,000
        return False
    if (bool(match[2]), number) in quoted:
        if number in earlier:
            raise ValueError(f"subtask {own}: {match[0]} stands in the request, and could be a reference as well")
        return False
    if number in earlier:
        return True
    raise ValueError(f"subtask {own} refers to " + ("itself" if number == own else f"subtask {number}, which is not before it"))
