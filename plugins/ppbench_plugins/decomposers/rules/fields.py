"""Fields that a sentence asks to take from a text: "Extract the name, age and city from the following letter"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ppbench_plugins.decomposers.rules.candidate import Candidate, Span, trim
from ppbench_plugins.decomposers.rules.lexicon import Words, spoken

_WORD = re.compile(r"[^\W_]+")
_COMMA = re.compile(r"\s*[,،、，]\s*")
_NESTED = re.compile(r"\([^()]*\)")
_END = re.compile(r"[.!?:;\"`](?!\w)|[：。；！？\n“”]")
_LIKE = re.compile(r"\b(?:such as|like|including|wie|tels que|comme|como|come|tais como|seperti|например)\s+", re.IGNORECASE)
_ETC = re.compile(r"(?:etc|usw|u\.s\.w|ecc|и т|dll|等)\W*$", re.IGNORECASE)
_THE = re.compile(r"(?:出|以下|其中的?|文中的?|中的)+")
_REACH = 700
_LATE = 45
_ENDING = 600
_LONGEST = 90
_MOST_WORDS = 9
_FARTHEST = 1500


def field_lists(text: str, rows: Sequence[Span], words: Words) -> Iterator[Candidate]:
    """What stands between a verb such as "extract" and the words that name the source, or the end of the sentence."""
    if not _COMMA.search(text[:_FARTHEST]) and not _COMMA.search(text[-_ENDING:]):
        return
    edges = [(0, min(len(text), _FARTHEST))]
    if len(text) > _FARTHEST:
        edges.append((max(_FARTHEST, len(text) - _ENDING), len(text)))
    for low, high in edges:
        for verb in _verbs(text, low, high, words):
            start = verb
            stop = _END.search(_masked(text, start, min(start + _REACH, len(text))))
            end = start + stop.start() if stop else min(start + _REACH, len(text))
            spans = _fields(text, start, end, words)
            if len(spans) >= 2:
                after = spoken(text[spans[-1][1] : spans[-1][1] + 40])
                if min(b - a for a, b in spans) < 2:
                    continue
                begins = max((text.rfind(mark, 0, verb) for mark in ".!?:\n。！？"), default=-1)
                if verb - begins > _LATE:
                    continue
                name = "fields of a source" if words.kinds(f" {' '.join(after.split()[:3])} ") & {"source"} else "fields"
                yield Candidate(name, text, spans, spans[0][0], spans[-1][1])


def _masked(text: str, start: int, end: int) -> str:
    """The text with what stands in brackets blotted out, letter for letter."""
    return _NESTED.sub(lambda match: "x" * len(match[0]), text[start:end])


def _verbs(text: str, low: int, high: int, words: Words) -> Iterator[int]:
    if words.spaced:
        if "extract" in words.kinds(spoken(text[low:high])):
            for match in _WORD.finditer(text, low, high):
                if "extract" in words.kinds(spoken(match[0])):
                    yield match.end()
        return
    for verb in words.lists["extract"]:
        place = text.find(verb, low, high)
        if place >= 0:
            yield place + len(verb)


def _fields(text: str, start: int, end: int, words: Words) -> tuple[Span, ...]:
    masked = _masked(text, start, end)
    low = 0
    if words.spaced:
        for match in _WORD.finditer(masked):
            if low < match.start() and "source" in words.kinds(spoken(match[0])):
                before, after = masked[: match.start()], masked[match.end() :]
                if "," in after and "," not in before and "،" not in before:
                    low = match.end()
                    continue
                masked = masked[: match.start()]
                break
        for match in _WORD.finditer(masked, low):  # "extract the following", "extract only"
            if "filler" not in words.kinds(spoken(match[0])):
                low = match.start()
                break
    pieces, place = list[Span](), low
    for match in _COMMA.finditer(masked, low):
        pieces.append((place, match.start()))
        place = match.end()
    if not pieces:
        return ()
    last = (place, len(masked))
    lead = words.conjunction.match(masked, max(place - 1, 0)) if words.spaced else words.conjunction.match(masked, place)
    if lead:
        pieces.append((lead.end(), last[1]))
    elif inner := words.conjunction.search(masked, place):
        pieces += [(place, inner.start()), (inner.end(), last[1])]
    else:
        pieces.append(last)
    if like := _LIKE.search(masked, *pieces[0]):
        pieces[0] = (like.end(), pieces[0][1])
    elif (more := _THE.match(masked, *pieces[0])) and more.end() < pieces[0][1]:
        pieces[0] = (more.end(), pieces[0][1])
    cut = next((k for k, (a, b) in enumerate(pieces) if k and words.kinds(spoken(masked[a:b])) & {"extract", "these"}), None)
    pieces = [(a, b) for a, b in pieces[:cut] if not _ETC.fullmatch(masked[a:b].strip())]
    spans = tuple(trim(text, start + a, start + b, ":,،-") for a, b in pieces if masked[a:b].strip(" ,،-"))
    short = all(b - a <= _LONGEST and len(_WORD.findall(_masked(text, a, b))) <= _MOST_WORDS for a, b in spans)
    return spans if short and len(spans) >= 2 else ()
