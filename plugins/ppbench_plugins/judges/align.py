"""Cuts an answer into the entries it lists, and says which subtask each one answers. Pure text; knows no reference and no
method.

One aligner for every answer, whatever its layout: JSON, a table, a list by numbers or bullets, headings, running text that
names the items, paragraphs, lines. An entry belongs to the item that it names, else to the number that it carries, else
to the first place that is free. What stands inside an entry is never cut.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from ppbench_plugins.judges.echoes import LABEL, Names, names_of
from ppbench_plugins.judges.marks import blocks, first_mark, inline, readings
from ppbench_plugins.judges.records import Piece, first_row, from_json, from_table, unfenced

_NOTHING = {"-", "–", "—", "--", "---"}


@dataclass(frozen=True)
class Entry:
    """One entry of an answer. `number` counts the subtasks from 1; one that is larger than their number is no subtask's."""

    number: int
    text: str


def entries(answer: str, expected: int, items: Sequence[str] = ()) -> list[Entry]:
    """The entries of an answer that should hold `expected` of them, in the order in which they stand. Where an entry
    repeats its item before the answer, the repetition is left out."""
    text, names = unicodedata.normalize("NFC", answer).strip(), names_of(tuple(items))
    return _placed(_unlabelled(_pieces(text, expected, names))) if text else []


def slots(answer: str, expected: int, items: Sequence[str] = ()) -> list[str | None]:
    """The answer for each of `expected` subtasks: the first entry that is its own, None where there is none."""
    return first_of_each(entries(answer, expected, items), expected)


def first_of_each(listed: Iterable[Entry], expected: int) -> list[str | None]:
    """The text of the first entry that is each subtask's own, None where there is none."""
    found: dict[int, str] = {}
    for entry in listed:
        if entry.text:
            found.setdefault(entry.number, entry.text)
    return [found.get(k) for k in range(1, expected + 1)]


def _pieces(text: str, expected: int, names: Names) -> list[Piece]:
    """The reading that knows most subtasks apart; of equal ones that by marks."""
    if (found := from_json(text, names)) is not None:
        return found
    lines = unfenced(text).splitlines()
    row = first_row(lines)
    cuts = readings(lines, expected)
    if row is not None and row < first_mark(lines) and (table := from_table(lines, names, expected)):
        cuts = [table, *cuts]
    listed = max(([_named(piece, names) for piece in cut] for cut in cuts), key=partial(_worth, expected), default=[])
    plain, told = "\n".join(lines), _told(listed, expected)
    if _stray(lines, told, expected):
        cuts, listed, told = [], [], 0
    if told < expected:
        other = [_named(piece, names) for piece in _uncounted(plain, expected, listed)]
        if _told(other, expected) > told or not listed:
            listed, told = other, sum(piece.place is not None or piece.number is not None for piece in other)
    if told < expected:
        parted = [Piece(body, place=place) for place, body in names.parted(plain)]
        if _told(parted, expected) > told and (cuts or 2 * len(parted) >= expected):
            return parted
    return listed


def _uncounted(text: str, expected: int, listed: Sequence[Piece]) -> list[Piece]:
    """What else a text may be where no marks, or only one, were found at its lines."""
    return (len(listed) < 2 and inline(text, expected)) or ([] if listed else blocks(text, expected))


def _stray(lines: Sequence[str], told: int, expected: int) -> bool:
    """Whether the few marks of a text stand in lines that are entries themselves: "12. Juni" among eight other lines."""
    few = expected > 3 and 2 * told < expected and first_mark(lines) > 0
    return few and len(blocks("\n".join(lines), expected)) == expected


def _worth(expected: int, pieces: Sequence[Piece]) -> tuple[bool, int, int]:
    """What a reading is worth: it names half of the items, it knows many subtasks apart, it has about as many pieces."""
    named = len({piece.place for piece in pieces} - {None})
    return 2 * named >= expected, _told(pieces, expected), -abs(len(pieces) - expected)


def _named(piece: Piece, names: Names) -> Piece:
    """A piece without the name of its item at its beginning, be there a word before it ("Original: ...") or not."""
    if piece.place is not None:
        return piece
    label = LABEL.match(piece.text)
    opened = names.opening(piece.text) or (names.opening(piece.text[label.end() :]) if label else None)
    return replace(piece, text=opened[1], place=opened[0]) if opened else piece


def _unlabelled(pieces: Sequence[Piece]) -> list[Piece]:
    """Pieces without the word that all of them begin with, where a colon follows it ("Translation: ...")."""
    labels = [LABEL.match(piece.text) for piece in pieces if piece.text]
    shared = {label[1].casefold() if label else "" for label in labels}
    if len(labels) < 2 or len(shared) > 1 or "" in shared:
        return list(pieces)
    return [replace(piece, text=piece.text[label.end() :]) if (label := LABEL.match(piece.text)) else piece for piece in pieces]


def _told(pieces: Sequence[Piece], expected: int) -> int:
    """How many subtasks a reading knows apart."""
    known = {piece.place + 1 if piece.place is not None else piece.number for piece in pieces} - {None}
    kept = sum(1 <= number <= expected for number in known if number)
    return expected if len(pieces) == expected and not known else kept


def _placed(pieces: Iterable[Piece]) -> list[Entry]:
    """Pieces as entries: by item, else by number, else at the first place that nothing else claims."""
    pieces = list(pieces)
    own = [piece.place + 1 if piece.place is not None else piece.number for piece in pieces]
    taken, free = {number for number in own if number is not None}, 1
    placed: list[Entry] = []
    for piece, number in zip(pieces, own, strict=True):
        if number is None:
            while free in taken:
                free += 1
            number, free = free, free + 1
        placed.append(Entry(number, "" if piece.text in _NOTHING else piece.text))
    return placed
