"""Placeholders of anonymised logs (`NAME_1`) changed for invented names, and back.

ParallelPrompt (arXiv 2506.18728, its curation prompt) asks the extraction model to write names in their place, and checks
nothing. Here code does it, the same way in every text that is given, so that a model is asked about people and not about
tokens, and its answer can be given back with the placeholders that the prompt had. Knows no language: a name that a model
writes in another case or script, or inflects, is not given back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

_RUN = re.compile(r"(?<![A-Za-z0-9_])(?:NAME_[0-9]++)++(?![a-z])")
"""Placeholders that stand together; behind an ASCII letter, digit or underscore they are part of an identifier, and before
a small letter of a word, in which a name could not be found again."""
_ONE = re.compile(r"NAME_[0-9]+")
MOST_NAMES = 200
"""A text with more different placeholders is no conversation and keeps them."""
_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"


@dataclass(frozen=True)
class Names:
    """Which invented name stands for which placeholder.

    `restore(replace(text)) == text` for every text it was made of: a name begins with the only capital letter it has, none
    is the beginning of another, and none stands in the texts, in whatever case, so that it can be found again at sight. All
    are made up, and looked for as whole words: a person who really has such a name is nobody's placeholder.
    """

    pairs: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, *texts: str | None) -> Names:
        """Names for all placeholders of these texts, in order of appearance."""
        given = [text for text in texts if text]
        found = list(dict.fromkeys(name for text in given for name in placeholders(text)))
        if len(found) > MOST_NAMES:
            return cls()
        standing = "\n".join(given).casefold()
        free = (name for name in _candidates() if name.casefold() not in standing)
        return cls(tuple(zip(found, free, strict=False)))

    def replace(self, text: str) -> str:
        """The text with its placeholders changed for their names."""
        known = dict(self.pairs)
        return _RUN.sub(lambda run: _ONE.sub(lambda one: known.get(one[0], one[0]), run[0]), text) if known else text

    def restore(self, text: str) -> str:
        """The text with the names changed for their placeholders."""
        if not self.pairs:
            return text
        one, run = self._patterns
        return run.sub(lambda match: one.sub(lambda name: self._back[name[0]], match[0]), text)

    @cached_property
    def _back(self) -> dict[str, str]:
        return {name: placeholder for placeholder, name in self.pairs}

    @cached_property
    def _patterns(self) -> tuple[re.Pattern[str], re.Pattern[str]]:
        """A name, and names that stand together with no letter of a Latin word beside them."""
        one = "|".join(self._back)
        return re.compile(one), re.compile(rf"(?<![A-Za-z])(?:{one})++(?![a-z])")


def placeholders(text: str) -> list[str]:
    """The placeholders of a text, each as often as it stands there: `NAME_1` is none in `NAME_12` or `FILENAME_1`."""
    return [name for run in _RUN.findall(text) for name in _ONE.findall(run)]


def _candidates() -> Iterator[str]:
    """Made names, of four open syllables each."""
    syllables = [consonant + vowel for consonant in _CONSONANTS for vowel in _VOWELS]
    place = 0
    while True:
        place += 1
        left, name = place * 5_640_013, ""  # prime to the number of names: each comes once, neighbours look unlike
        for _ in range(4):
            left, digit = divmod(left, len(syllables))
            name += syllables[digit]
        yield name.capitalize()
