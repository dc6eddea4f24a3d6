"""Tasks of BIG-Bench Hard that Tree of Problems divides by code: Boolean expressions, multi-step arithmetic, object
counting, the order of adjectives, sorting words (Zebaze et al., EMNLP 2024, section 4).

Expressions are divided in two at their outermost operator, whatever the breadth is, so that the whole is always the left
part, the operator and the right one. Of three terms the published code also pairs the outer two around a product, and the
last two behind a minus sign, which means another sum; here the first two stay together.
The others are cut into `breadth` nearly equal runs of words or things.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ppbench_plugins.decomposers.cutting import STATED, chunks, put, tail

_LOGIC = r"(?:[()]|\b(?:True|False|and|or|not)\b)"
_BOOLEAN = re.compile(rf"{_LOGIC}(?:\s*+{_LOGIC})*+")
_IS = re.compile(r"\s*+(?:is|=|\?)?+\s*+")
_ARITHMETIC = re.compile(r"[-\d(][-+*\d()\s]*+")
_EQUALS = re.compile(r"\s*+=?+\s*+\??+\s*+")
_HAVE = re.compile(r"\bI have\s++")
_MANY = re.compile(r"[^?]+ do I have\?\s*+")
_LONGEST = 2_000
"""Characters of an expression or a phrase with its instruction; a longer text is about something else."""
_WORD = r"[^\W_][\w'’-]*+"
_LISTED = re.compile(rf"\s*+({_WORD}(?:(?:,\s*+|[ \t]++){_WORD})++)\.?")
_PHRASE = re.compile(rf"\s*+({_WORD}(?:[ ]++{_WORD})++)[.?!]?")


def _last(run: re.Pattern[str], end: re.Pattern[str], text: str) -> re.Match[str] | None:
    """The run that a text ends with, before what `end` allows. Runs are read one after another, so that no blank and no
    bracket is looked at from each place before it."""
    runs = list(run.finditer(text))
    return runs[-1] if runs and end.fullmatch(text, runs[-1].end()) else None


def _group(tokens: Sequence[str]) -> list[str]:
    """Tokens without brackets around the whole."""
    opened: list[int] = []
    closes: dict[int, int] = {}
    for at, token in enumerate(tokens):
        if token == "(":
            opened.append(at)
        elif token == ")" and opened:
            closes[opened.pop()] = at
    layers = 0
    while closes.get(layers, -1) == len(tokens) - 1 - layers:
        layers += 1
    return list(tokens[layers : len(tokens) - layers])


def _depths(tokens: Sequence[str]) -> list[int]:
    """How many brackets are open after each token."""
    depths, depth = [], 0
    for token in tokens:
        depth += (token == "(") - (token == ")")
        depths.append(depth)
    return depths


def _balanced(tokens: Sequence[str]) -> bool:
    depths = _depths(tokens)
    return bool(depths) and min(depths) >= 0 and depths[-1] == 0


def _outer(tokens: Sequence[str], operators: str) -> list[int]:
    """Where operators stand outside of all brackets."""
    names = operators.split()
    return [at for at, (token, depth) in enumerate(zip(tokens, _depths(tokens), strict=True)) if not depth and token in names]


# Boolean expressions


def _boolean_tokens(text: str) -> tuple[tuple[int, int], list[str]]:
    match = _last(_BOOLEAN, _IS, text) if len(text) <= _LONGEST else None
    if match is None:
        return (0, 0), []
    return match.span(), re.findall(r"[()]|\w+", match[0])


def is_boolean(text: str) -> bool:
    """An expression of True, False, and, or, not, with at most a short instruction before it."""
    (start, _), tokens = _boolean_tokens(text)
    head = text[:start].rstrip()
    framed = not head or (head[-1] in ".:?" and len(head) <= STATED)
    operands = {"True", "False"} & set(tokens)
    return framed and bool(operands) and bool({"and", "or"} & set(tokens)) and _balanced(tokens)


def boolean(text: str, breadth: int) -> list[str]:
    """At the outermost `or`, else `and`: two operands apart, of more the first two and the others."""
    span, tokens = _boolean_tokens(text)
    inner = _group(tokens)
    cuts = _outer(inner, "or") or _outer(inner, "and")
    if not cuts:
        return []
    at = cuts[min(1, len(cuts) - 1)]
    return [put(text, [span], [" ".join(part)]) for part in (inner[:at], inner[at + 1 :])]


# Multi-step arithmetic


def _arithmetic_tokens(text: str) -> tuple[tuple[int, int], list[str]]:
    """The expression at the end of a text; a minus sign belongs to its number where no operand stands before it."""
    match = _last(_ARITHMETIC, _EQUALS, text) if len(text) <= _LONGEST else None
    if match is None:
        return (0, 0), []
    tokens: list[str] = []
    for token in re.findall(r"\d+|[-+*()]", match[0]):
        if token.isdigit() and tokens[-1:] == ["-"] and (len(tokens) == 1 or tokens[-2] in ("+", "-", "*", "(")):
            tokens[-1] = "-" + token
        else:
            tokens.append(token)
    return (match.start(), match.start() + len(match[0].rstrip())), tokens


def is_multistep(text: str) -> bool:
    """Groups in brackets joined by operators, with at most a short instruction before them."""
    (start, _), tokens = _arithmetic_tokens(text)
    head = text[:start].strip()
    inner = _group(tokens)
    sides = {token for at in _outer(inner, "+ - *") for token in (inner[at - 1 : at] + inner[at + 1 : at + 2])}
    return len(head) <= STATED and not re.search(r"\d", head) and _balanced(tokens) and {"(", ")"} <= sides


def multistep(text: str, breadth: int) -> list[str]:
    """In two, at the operator that is worked out last, or at one that leaves two terms or factors on each side."""
    span, tokens = _arithmetic_tokens(text)
    inner = _group(tokens)
    at = _sum_cut(inner) or _product_cut(inner)
    parts = [_group(inner[:at]), _group(inner[at + 1 :])] if at else []
    if not parts or all(len(part) == 1 for part in parts):
        return []
    return [put(text, [span], [_written(part)]) for part in parts]


def _sum_cut(inner: Sequence[str]) -> int:
    """Behind a minus sign only a single term may stand, or it would mean another sum."""
    cuts = _outer(inner, "+ -")
    if len(cuts) == 2 and "*" in inner[: cuts[0]] and inner[cuts[0]] == "+":
        return cuts[0]
    if len(cuts) > 2 and inner[cuts[len(cuts) // 2]] == "+":
        return cuts[len(cuts) // 2]
    return cuts[-1] if cuts else 0


def _product_cut(inner: Sequence[str]) -> int:
    cuts = _outer(inner, "*")
    return cuts[min(1, len(cuts) - 1)] if cuts else 0


def _written(tokens: Sequence[str]) -> str:
    return " ".join(tokens).replace("( ", "(").replace(" )", ")")


# Things, adjectives, words


def _had(text: str) -> tuple[int, int]:
    """Where the things stand that somebody has, between `I have` and the full stop before the question."""
    head, _, question = text.rpartition("How many ")
    match, end = _HAVE.search(text), len(head.rstrip()) - 1
    asked = match and match.start() <= STATED and _MANY.fullmatch(question)
    return (match.end(), end) if match and asked and match.end() < end < len(head) - 1 and head[end] == "." else (0, 0)


def is_object_counting(text: str) -> bool:
    start, end = _had(text) if len(text) <= _LONGEST else (0, 0)
    return start < end and len(_things(text[start:end])) > 1


def object_counting(text: str, breadth: int) -> list[str]:
    start, end = _had(text)
    runs = chunks(_things(text[start:end]), breadth) if start < end else []
    return [put(text, [(start, end)], [_enumerated(run)]) for run in runs]


def _things(listed: str) -> list[str]:
    """The things that somebody has; those of a list with commas may have an `and` inside."""
    if "," not in listed:
        return re.split(r"(?<!\s)\s++and\s++", listed)
    return [re.sub(r"^and\s++", "", thing) for thing in re.split(r",\s*", listed)]


def _enumerated(things: Sequence[str]) -> str:
    return things[0] if len(things) == 1 else ", ".join(things[:-1]) + f", and {things[-1]}"


def _phrase(text: str) -> re.Match[str] | None:
    """The words of the last line."""
    end = len(text.rstrip())
    return _PHRASE.fullmatch(text, text.rfind("\n", 0, end) + 1, end)


def is_hyperbaton(text: str) -> bool:
    """A short question about the order of adjectives, and a phrase alone on the last line."""
    head, line, _ = text.rstrip().rpartition("\n")
    asked = bool(line) and len(head) <= STATED and "adjective" in head.casefold() and "order" in head.casefold()
    return asked and len(text) <= _LONGEST and "(a)" not in head.casefold() and _phrase(text) is not None


def hyperbaton(text: str, breadth: int) -> list[str]:
    """Runs of the adjectives, each before the noun."""
    match = _phrase(text)
    if match is None:
        return []
    *adjectives, noun = match[1].split()
    return [put(text, [match.span(1)], [" ".join([*run, noun])]) for run in chunks(adjectives, breadth)]


def is_word_sorting(text: str) -> bool:
    head = text[: tail(text)].casefold()
    asked = len(head) <= STATED and re.search(r"\bsort\b", head) and "word" in head and "alphabet" in head
    return bool(asked) and _words(text) is not None


def _words(text: str) -> re.Match[str] | None:
    return _LISTED.fullmatch(text, tail(text), len(text.rstrip()))


def word_sorting(text: str, breadth: int) -> list[str]:
    match = _words(text)
    if match is None:
        return []
    between = ", " if "," in match[1] else " "
    return [put(text, [match.span(1)], [between.join(run)]) for run in chunks(re.findall(_WORD, match[1]), breadth)]
