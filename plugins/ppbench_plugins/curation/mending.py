"""A split with its items and its context as they stand in the prompt: case, white space and marks of a list aside. Pure.

Models copy with small slips. What is found again is taken from the prompt; what is not stays as it is, and the validation
refuses it. Nothing is made up.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from ppbench import Schema


class Original:
    """A prompt in which stretches are found again."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._folded = ""
        self._places: list[int] = []

    def of(self, part: str) -> str:
        """The stretch of the prompt that says what a part says, or the part itself."""
        if part in self._text:
            return part
        if not self._places:
            self._fold()
        wanted = "".join(letter for letter in map(_letter, part) if letter)
        at = self._folded.find(wanted) if wanted else -1
        if at < 0:
            return part
        return self._text[self._places[at] : self._places[at + len(wanted) - 1] + 1]

    def _fold(self) -> None:
        kept = [(letter, place) for place, each in enumerate(self._text) if (letter := _letter(each))]
        self._folded = "".join(letter for letter, _ in kept)
        self._places = [place for _, place in kept]


_ALIKE = str.maketrans("‘’‚“”„«»–—…", '\'\'\'"""""--.')


def _letter(each: str) -> str:
    """A letter as it is compared: lower case where that is one letter too, marks of one kind alike, white space nothing."""
    if each.isspace():
        return ""
    lower = each.lower().translate(_ALIKE)
    return lower if len(lower) == 1 else each


def mended(text: str, schema: Schema) -> Schema:
    """The schema in the words of the prompt; unchanged where that would make two items one."""
    original = Original(text)
    with suppress(ValueError):
        return replace(
            schema,
            context=original.of(schema.context) if schema.context else None,
            data=tuple(map(original.of, schema.data)) if schema.data is not None else None,
        )
    return schema
