"""Tasks whose steps follow each other, run as the sequential variant of Tree of Problems, a breadth of one (Zebaze et
al., EMNLP 2024, section 5): coin flips, a walk, a chain of liars, things that change hands.

The steps are cut into nearly equal blocks. The first block is solved; each later one is stated anew with the state in
which the one before ended: a side of the coin, a point and a direction, truth or lie, who has what. A reply that names
no state is put in its place as it is, so that an error stays an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ppbench_plugins.decomposers.cutting import STATED, chunks, put, sentences
from ppbench_plugins.prompts import fill

Block = Callable[[str], str]
"""The text of a block, given the reply to the block before; of the first one, given nothing."""
_LONGEST = 10_000
"""Characters of a problem in steps; a longer text is about something else."""
_COIN = re.compile(r"\bcoin\b", re.IGNORECASE)
_SIDE = re.compile(r"\b(heads|tails)\b", re.IGNORECASE)
_YES = re.compile(r"\b(yes|no)\b", re.IGNORECASE)
_ORIGIN, _AHEAD = "(0, 0)", "+y"
_POINT = re.compile(r"\(\s*+([-−]?\d++)\s*+,\s*+([-−]?\d++)\s*+\)")
_FACING = re.compile(r"(?<![\w+−-])([-+−][xy])\b", re.IGNORECASE)
_STRIDE = re.compile(r"(?:Take \d++ steps?|Turn)\b[^.]*+\.|Always face forward\.", re.IGNORECASE)
_STRIDES = re.compile(rf"(?:\s*+(?:{_STRIDE.pattern}))*+\s*+", re.IGNORECASE)
_FORWARD = re.compile(r"always face forward", re.IGNORECASE)
_NAME = r"(\w[\w'’-]*+)"
_SAYS = re.compile(rf"{_NAME} says {_NAME} (?:tells the truth|lies)\.")
_FIRST = re.compile(rf"{_NAME} (tells the truth|lies)\.")
_LIES = re.compile(rf"(?:Question:)?\s*+({_FIRST.pattern})((?:\s++{_SAYS.pattern})++)\s*+Does {_NAME} tell the truth\?")
_HOLDS = re.compile(rf"(?<![\w'’-])['’-]*+{_NAME} (has an?|is playing|is dancing with|gets|is holding an?) ([^,.;:]++)(?=[,.])")
_SWAP = re.compile(rf"^(?:(?:First|Then|Finally|Next),? )?{_NAME} and {_NAME} (?:swap|switch|trade)\b[^.]*+\.", re.IGNORECASE)


def _said(text: str) -> list[str]:
    return sentences(text) if len(text) <= _LONGEST else []


def _last(pattern: re.Pattern[str], reply: str) -> str:
    """The last thing of a kind that a reply names, in small letters: what comes before is thinking."""
    found: list[str] = pattern.findall(reply)
    return found[-1].lower() if found else ""


def _blocks(steps: Sequence[str], depth: int) -> list[str]:
    return [" ".join(run) for run in chunks(steps, min(depth, len(steps)))]


def _fixed(text: str) -> Block:
    return lambda reply: text


# A coin


def is_coin(text: str) -> bool:
    """An opening sentence with a coin and its side, one flip or none a sentence, a question for the side."""
    said = _said(text)
    if len(said) < 4:
        return False
    opening, *flips, question = said
    stated = _lies_on(opening) and _SIDE.search(question) and question.endswith("?")
    return bool(stated) and all(re.search(r"\bflips?\b", flip) for flip in flips)


def _lies_on(opening: str) -> re.Match[str] | None:
    """The side that is named behind the coin."""
    match = _COIN.search(opening)
    return _SIDE.search(opening, match.end()) if match else None


def coin_tree(text: str, breadth: int) -> list[str]:
    """The canonical division, for a breadth of two or more: each run of flips of a coin that lies as the first one did."""
    opening, *flips, question = sentences(text)
    return [f"{opening} {' '.join(run)} {question}" for run in chunks(flips, breadth)]


def coin(text: str, depth: int) -> list[Block]:
    """Each block opens with the side on which the one before left the coin; the question stays."""
    opening, *flips, question = sentences(text)
    first, *later = _blocks(flips, depth)
    asked = _last(_SIDE, question)

    def block(run: str) -> Block:
        def stated(reply: str) -> str:
            side = _side(reply, asked)
            now = put(opening, [_lies_on(opening).span()], [side]) if side else reply.strip()  # type: ignore[union-attr]
            return f"{now} {run} {question}"

        return stated

    return [_fixed(f"{opening} {first} {question}"), *map(block, later)]


def _side(reply: str, asked: str) -> str:
    """Which side is up, from the answer to whether `asked` is."""
    said = _last(_YES, reply)
    if said:
        return asked if said == "yes" else ({"heads", "tails"} - {asked}).pop()
    return _last(_SIDE, reply)


# A chain of liars


def is_lies(text: str) -> bool:
    """Whether the first one lies is said; each other one speaks of the one before; the last one is asked about."""
    match = _LIES.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    if match is None:
        return False
    said = _SAYS.findall(match[4])
    known = [match[2], *(speaker for speaker, _ in said)]
    return len(said) > 1 and [about for _, about in said] == known[:-1] and known[-1] == match[match.re.groups]


def lies(text: str, depth: int) -> list[Block]:
    """Each block opens with whether the last speaker of the one before tells the truth, and asks about its own last."""
    match = _LIES.fullmatch(text.strip())
    assert match is not None
    runs = _blocks([one[0] for one in _SAYS.finditer(match[4])], depth)
    last = [_SAYS.findall(run)[-1][0] for run in runs]

    def block(before: str, run: str, name: str) -> Block:
        def stated(reply: str) -> str:
            said = _last(_YES, reply)
            now = f"{before} {'tells the truth' if said == 'yes' else 'lies'}." if said else reply.strip()
            return f"{now} {run} Does {name} tell the truth?"

        return stated

    first = _fixed(f"{match[1]} {runs[0]} Does {last[0]} tell the truth?")
    return [first, *(block(*three) for three in zip(last, runs[1:], last[1:], strict=False))]


# A walk


def is_navigate(text: str) -> bool:
    """Whether steps and turns lead back to where they began."""
    asked, _, rest = text.partition("?")
    short = len(text) <= _LONGEST and len(asked) <= STATED
    return short and "return" in asked and "starting point" in asked and len(_walk(rest)) > 1


def _walk(rest: str) -> list[str]:
    """The steps and turns, if nothing else is said before the options."""
    said = rest.partition("Options:")[0]
    return _STRIDE.findall(said) if _STRIDES.fullmatch(said) else []


def navigate(text: str, depth: int) -> list[Block]:
    """Each block but the last asks for the point and the direction, from which the next one goes on; the last asks what
    the whole asks."""
    asked, mark, rest = text.partition("?")
    steps = _walk(rest)
    always = next((step for step in steps if _FORWARD.match(step)), "")
    runs = [f"{always} {run}".strip() for run in _blocks([step for step in steps if not _FORWARD.match(step)], depth)]
    runs[-1] += ("\n" + rest[rest.find("Options:") :]) if "Options:" in rest else ""

    def block(run: str, place: int) -> Block:
        def stated(reply: str) -> str:
            point, facing = _place(reply) if place else (_ORIGIN, _AHEAD)
            name = "top_navigate_last" if place == len(runs) - 1 else "top_navigate"
            return fill(name, question=asked.strip() + mark, point=point, facing=facing, steps=run)

        return stated

    return [block(run, place) for place, run in enumerate(runs)]


def _place(reply: str) -> tuple[str, str]:
    points, facing = _POINT.findall(reply), _last(_FACING, reply)
    x, y = points[-1] if points else ("", "")
    return f"({x}, {y})".replace("−", "-") if points else reply.strip(), facing.replace("−", "-") or _AHEAD


# Things that change hands


def is_tracking(text: str) -> bool:
    """Who has what is said, then who swaps with whom, then who has what is asked."""
    said = _said(text)
    holding = [k for k, one in enumerate(said) if len(_HOLDS.findall(one)) > 1]
    swaps = [k for k, one in enumerate(said) if _SWAP.match(one)]
    after = bool(holding and swaps) and holding[0] < swaps[0] and swaps[-1] + 1 < len(said)
    return after and len(swaps) > 1 and swaps == list(range(swaps[0], swaps[-1] + 1))


def tracking(text: str, depth: int) -> list[Block]:
    """Each block but the last asks who has what then; in the opening of each later one everyone has what was answered."""
    swaps = [one for one in sentences(text) if _SWAP.match(one)]
    opening, question = text[: text.index(swaps[0])].strip(), text[text.rindex(swaps[-1]) + len(swaps[-1]) :].strip()
    form = "\n".join(f"{name}: ..." for name, _, _ in _HOLDS.findall(opening))
    runs = _blocks(swaps, depth)

    def block(run: str, place: int) -> Block:
        def stated(reply: str) -> str:
            now = _handed(opening, reply) if place else opening
            last = place == len(runs) - 1
            return f"{now} {run} {question}" if last else fill("top_tracking", opening=now, steps=run, form=form)

        return stated

    return [block(run, place) for place, run in enumerate(runs)]


def _handed(opening: str, reply: str) -> str:
    """The opening with everyone having what a reply says; in front of a reply that does not name everyone."""
    held = list(_HOLDS.finditer(opening))
    things = [re.findall(rf"\b{re.escape(one[1])}\W{{0,4}}:\W*+([^\n,;.]*[^\W_])", reply) for one in held]
    if not all(things):
        return f"{opening} {reply.strip()}"
    return put(opening, [one.span(3) for one in held], [found[-1].strip() for found in things])
