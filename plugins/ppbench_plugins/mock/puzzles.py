"""Puzzles that can be computed: expressions, things counted, adjectives and words in order, a coin, a walk, liars, swaps.

Works on the text alone. A merge is computed from the answers it is given, so an error in a part stays an error. It
shares no pattern with the decomposers, whose divisions it checks: what they misread it must not misread with them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate, pairwise, takewhile
from math import prod

_TOKEN = re.compile(r"\w+|\S")
_LOGIC, _SIGNS = {"True", "False", "and", "or", "not", "(", ")"}, set("-+*()")
_WORDS = _LOGIC - _SIGNS
_INNER = re.compile(r"\(([^()]*+)\)")
_HAVE = re.compile(r"\bI have ([^.]++)\.\s++How many ([^?]++)(?<= do I have)\?\s*+$")
_NAME = r"(?<![\w'’-])([\w'’-]++)"
_SIDE = re.compile(r"\b(heads|tails)\b", re.IGNORECASE)
_SPOKEN = re.compile(rf"{_NAME} (?:says {_NAME} )?(tells the truth|lies)\.")
_ASKED = re.compile(rf"Does {_NAME} tell the truth\?\s*$")
_HERE = re.compile(r"\((-?\d+), (-?\d+)\), facing ([+-][xy])")
_MOVE = re.compile(r"Take (\d+) steps?(?: (forward|backward|left|right))?|Turn (left|right|around)", re.IGNORECASE)
_HOLDS = re.compile(rf"{_NAME} (?:has an?|is playing|is dancing with|gets|is holding an?) ([^,.;:]++)(?=[,.])")
_SWAP = re.compile(rf"{_NAME} and {_NAME} (?:swap|switch|trade)\b", re.IGNORECASE)
_ENDS = re.compile(rf"{_NAME} (?:has|is playing|is dancing with|gets|is holding)\b[^.\n]*+(?:\n|$)")
_NUMBER = "one two three four five six seven eight nine ten eleven twelve".split()
_KINDS = {
    "fruit": "apple apricot banana blackberry blueberry cherry fig grape kiwi lemon lime mango melon nectarine orange peach "
    "pear pineapple plum raspberry strawberry watermelon",
    "vegetable": "asparagus bean beet broccoli cabbage carrot cauliflower celery cucumber eggplant garlic leek lettuce onion "
    "pea pepper potato pumpkin radish spinach turnip yam zucchini",
    "animal": "ant bear bee bird butterfly cat chicken cow crab dog donkey dove duck elephant fish fox frog goat goose hen "
    "horse lion monkey mouse owl pig rabbit sheep snail snake spider squirrel tiger turtle wolf",
    "instrument": "accordion banjo bassoon cello clarinet drum flute guitar harp oboe piano recorder saxophone trombone "
    "trumpet tuba viola violin xylophone",
}
_ORDER = (
    "lovely ugly nice good bad awful silly terrible wonderful obnoxious repulsive mysterious",
    "big small little large huge tiny enormous massive",
    "new old young ancient brand-new old-fashioned archaic",
    "round square circular triangular spherical rectangular pyramidal",
    "red green blue black white yellow brown gray purple orange pink",
    "french german chinese italian mexican russian japanese thai indian turkish polish spanish",
    "wooden plastic steel paper leather glass wool rubber cardboard iron",
    "walking driving eating hiking drinking smoking exercise whittling sewing",
)
_RANK = {word: rank for rank, words in enumerate(_ORDER) for word in words.split()}


def solve(problem: str) -> str:
    """The answer to a puzzle; an empty string if it is none."""
    return next(filter(None, (puzzle(problem) for puzzle in _SOLVERS)), "") if len(problem) <= 10_000 else ""


def merge(problem: str, parts: Sequence[str], asked: Sequence[str]) -> str:
    """The answer to a puzzle from the answers to its parts, and from what they were asked; empty if it is none."""
    if len(problem) > 10_000 or not parts:
        return ""
    return next((answer for puzzle in _MERGERS if (answer := puzzle(problem, parts, asked))), "")


# Expressions


def _expression(text: str) -> list[str]:
    """The words and signs of an expression that ends a text, behind a mark or nothing, before what asks for its value."""
    found = _TOKEN.findall(text) if len(text) <= 2_000 else []
    while found and found[-1] in ("is", "=", "?"):
        found.pop()
    logic = list(takewhile(lambda token: token in _LOGIC, reversed(found)))
    numbers = list(takewhile(lambda token: token in _SIGNS or token.isdigit(), reversed(found)))
    run = max(logic, numbers, key=len)[::-1]
    framed = len(run) == len(found) or found[-len(run) - 1] in ".:?"
    return run if framed else []


def _value(tokens: Sequence[str]) -> int | bool | None:
    """What an expression comes to, the innermost brackets first, until none is left; None if it is none."""
    text, work = " ".join(tokens), _true if _WORDS & set(tokens) else _reckoned
    try:
        while "(" in text and text != (text := _INNER.sub(lambda inner: f" {work(inner[1])} ", text)):
            pass
        return work(text)
    except ValueError:
        return None


def _true(text: str) -> bool:
    """Whether one of the cases joined by `or` holds, each of them joined by `and`; they have no brackets."""
    cases = [[_holds(one.split()) for one in re.split(r"\band\b", case)] for case in re.split(r"\bor\b", text)]
    return any(map(all, cases))


def _holds(words: Sequence[str]) -> bool:
    *nots, said = words or [""]
    if said not in ("True", "False") or set(nots) - {"not"}:
        raise ValueError(said)
    return (said == "True") == (len(nots) % 2 == 0)


def _reckoned(text: str) -> int:
    """A sum of products without brackets; a minus sign behind a number adds the opposite of what follows it."""
    terms = re.sub(r"(?<=\d)\s*+-", " + -", text).split("+")
    return sum(prod(_factor(factor.split()) for factor in term.split("*")) for term in terms)


def _factor(words: Sequence[str]) -> int:
    number = "".join(words).lstrip("-")
    if not words or words[-1].lstrip("-") != number:
        raise ValueError(number)
    return -int(number) if "".join(words).count("-") % 2 else int(number)


def _evaluated(problem: str) -> str:
    tokens = _expression(problem)
    stated = len(tokens) > 1 or tokens[:1] in (["True"], ["False"]) or problem.rstrip().endswith("=")
    return _shown(_value(tokens)) if stated else ""


def _shown(value: int | bool | None) -> str:
    return "" if value is None else str(value)


def _combined(problem: str, parts: Sequence[str], asked: Sequence[str]) -> str:
    """The answers added, where the parts are runs of terms with their signs; else the two answers joined by the operator
    that stands between what the two parts were asked."""
    runs = [_expression(one) for one in asked]
    signed = [token for run in runs for token in ([] if run[:1] == ["-"] else ["+"]) + run]
    if runs and all(runs) and signed in (_expression(problem), ["+", *_expression(problem)]) and "*" not in signed:
        values = [_value(_expression(part)) for part in parts]
        return "" if None in values else str(sum(value for value in values if value is not None))
    if len(parts) != 2 or len(asked) != 2:
        return ""
    whole, one, two = _bare(_expression(problem)), _bare(_expression(asked[0])), _bare(_expression(asked[1]))
    said = [_expression(part) for part in parts]
    for at in range(1, len(whole) - 1) if one and two else ():
        if _bare(whole[:at]) == one and _bare(whole[at + 1 :]) == two:
            return _shown(_value(["(", *said[0], ")", whole[at], "(", *said[1], ")"]))
    return ""


def _bare(tokens: Sequence[str]) -> list[str]:
    """Without brackets around the whole."""
    inner = list(tokens)
    while inner[:1] == ["("] and inner[-1:] == [")"] and _closes(inner) == len(inner) - 1:
        inner = inner[1:-1]
    return inner


def _closes(tokens: Sequence[str]) -> int:
    """Where the bracket closes that opens the tokens."""
    depths = accumulate((token == "(") - (token == ")") for token in tokens)
    return next((at for at, depth in enumerate(depths) if not depth), -1)


# Things, adjectives, words


def _counted(problem: str) -> str:
    match = _HAVE.search(problem)
    if not match:
        return ""
    kinds = [words.split() for kind, words in _KINDS.items() if kind in match[2]]
    things = re.split(r",\s*(?:and\s+)?|\s+and\s+", match[1])
    return str(sum(_many(thing) for thing in things if not kinds or _is(thing, kinds[0])))


def _many(thing: str) -> int:
    word = thing.split()[0].casefold() if thing.split() else ""
    return int(word) if word.isdigit() else _NUMBER.index(word) + 1 if word in _NUMBER else 1


def _is(thing: str, words: Sequence[str]) -> bool:
    said = {form for word in re.findall(r"[a-z]+", thing.casefold()) for form in (word, word[:-1], word[:-2], word[:-3] + "y")}
    return bool(said & set(words)) or ("mice" in said and "mouse" in words)


def _added(problem: str, parts: Sequence[str], asked: Sequence[str]) -> str:
    numbers = [re.findall(r"-?\d+", part) for part in parts]
    return str(sum(int(found[-1]) for found in numbers if found)) if _HAVE.search(problem) else ""


def _adjectives(problem: str) -> list[int]:
    """The ranks of the adjectives of the phrase on the last line."""
    head, _, phrase = problem.rstrip().rpartition("\n")
    if "adjective" not in head.casefold() or "order" not in head.casefold():
        return []
    return [_RANK.get(word, -1) for word in phrase.casefold().rstrip(".?!").split()[:-1]]


def _in_order(problem: str) -> str:
    ranks = _adjectives(problem)
    return ("yes" if all(a <= b for a, b in pairwise(ranks)) else "no") if ranks else ""


def _all_in_order(problem: str, parts: Sequence[str], asked: Sequence[str]) -> str:
    """Each part is in order, and so are its last adjective and the next part's first."""
    runs = [_adjectives(one) for one in asked]
    if not _adjectives(problem) or not all(runs):
        return ""
    right = all(_said(part) == "yes" for part in parts) and all(a[-1] <= b[0] for a, b in pairwise(runs))
    return "yes" if right else "no"


def _listed(problem: str) -> list[str]:
    lower = problem.casefold()
    if "sort" not in lower or "alphabet" not in lower:
        return []
    return re.findall(r"[^\s,]+", re.split(r"[\n:]", problem.rstrip())[-1].rstrip("."))


def _alphabetical(problem: str) -> str:
    return " ".join(sorted(_listed(problem), key=str.casefold))


def _all_alphabetical(problem: str, parts: Sequence[str], asked: Sequence[str]) -> str:
    words = [word for part in parts for word in re.findall(r"[^\s,]+", part)]
    return " ".join(sorted(words, key=str.casefold)) if _listed(problem) else ""


# In steps


def _said(answer: str) -> str:
    """The last yes or no of an answer."""
    found: list[str] = re.findall(r"\b(yes|no)\b", answer.casefold())
    return found[-1] if found else ""


def _flips(problem: str) -> tuple[str, str, int] | None:
    """The side a coin begins on, the side that is asked for, and how often it is turned."""
    sides = [side.lower() for side in _SIDE.findall(problem)]
    if "coin" not in problem or len(sides) != 2 or not problem.rstrip().endswith("?"):
        return None
    return sides[0], sides[1], len(re.findall(r"\bflips\b", problem))


def _coin(problem: str) -> str:
    found = _flips(problem)
    return ("yes" if (found[0] == found[1]) == (found[2] % 2 == 0) else "no") if found else ""


def _coins(problem: str, parts: Sequence[str], asked: Sequence[str]) -> str:
    """Each part began on the same side as the whole; one that turned the coin turns the whole."""
    found = _flips(problem)
    if not found:
        return ""
    same = found[0] == found[1]
    turned = sum((_said(part) == "yes") != same for part in parts)
    return "yes" if same == (turned % 2 == 0) else "no"


def _truth(problem: str) -> str:
    asked = _ASKED.search(problem)
    if not asked:
        return ""
    honest: dict[str, bool] = {}
    for speaker, about, said in _SPOKEN.findall(problem):
        honest[speaker] = (said == "tells the truth") == (honest.get(about, False) if about else True)
    return "Yes" if honest.get(asked[1]) else "No"


_TURNS = {"left": 1, "around": 2, "right": 3, "forward": 0, "backward": 2, "": 0}
_WAYS = {"+y": (0, 1), "-x": (-1, 0), "-y": (0, -1), "+x": (1, 0)}


def _walk(problem: str) -> str:
    here = _HERE.search(problem)
    back = "starting point" in problem
    if not _MOVE.search(problem) or not (here or back):
        return ""
    ways = list(_WAYS)
    x, y, facing = (int(here[1]), int(here[2]), ways.index(here[3])) if here else (0, 0, 0)
    for steps, side, turn in _MOVE.findall(problem):
        way = (facing + _TURNS[(side or turn).lower()]) % 4
        facing = way if turn else facing
        dx, dy = _WAYS[ways[way]]
        x, y = x + dx * int(steps or 0), y + dy * int(steps or 0)
    return ("Yes" if x == y == 0 else "No") if back else f"({x}, {y}), facing {ways[facing]}"


def _swapped(problem: str) -> str:
    held = dict(_HOLDS.findall(problem))
    swaps = [pair for pair in _SWAP.findall(problem) if set(pair) <= held.keys()]
    if len(held) < 2 or not swaps:
        return ""
    for one, two in swaps:
        held[one], held[two] = held[two], held[one]
    rest = problem[[match.end() for match in _SWAP.finditer(problem)][-1] :]
    asked = next((name for name in _ENDS.findall(rest) if name in held), "")
    if not asked:
        return "\n".join(f"{name}: {thing}" for name, thing in held.items())
    option = re.search(rf"(\([A-Z]\)) {re.escape(held[asked])}\s*$", rest, re.MULTILINE)
    return option[1] if option else held[asked]


_SOLVERS = (_counted, _in_order, _alphabetical, _coin, _truth, _walk, _swapped, _evaluated)
_MERGERS = (_combined, _added, _all_in_order, _all_alphabetical, _coins)
