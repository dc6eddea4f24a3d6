"""What a table may claim of each row: faster, slower, not worse, worse. Pure; prints nothing and knows no judge.

Claims are tested one-sided, and Holm's correction is taken over all (row x claim) of one table, the good ones and the bad
ones apart. *Not worse* asks of every measure that applies that its mean lies above a margin; a measure that cannot be
known, or content that nobody judged, proves nothing. Definitions and a worked example: FIGURES.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ppbench.stats import holm, p_above, p_bounded_above
from ppbench.tally import COMPARED, PREFERENCE, Tally

ALPHA = 0.05
MARGINS = {PREFERENCE: 0.45, **dict.fromkeys(COMPARED, -0.03)}
"""The least mean of each measure that is still not worse: of the preference, and of differences from serial."""
PARITY = {PREFERENCE: 0.5, **dict.fromkeys(COMPARED, 0.0)}
FLOOR = {PREFERENCE: 0.0, **dict.fromkeys(COMPARED, -1.0)}
LEAST_PAIRS = 150
"""For the verdict of one category."""
GAP = 0.05
"""Share of unclean or failed trials beyond serial's above which nothing is called faster."""

Word = Literal[
    "faster and not worse", "faster but worse", "faster, quality not shown", "no gain", "harmful", "n too small", "baseline"
]


@dataclass(frozen=True)
class Claim:
    """One sentence about a row and the chance, after Holm, that nothing is behind it. `p` is None where nothing is known."""

    text: str
    p: float | None

    @property
    def holds(self) -> bool:
        return self.p is not None and self.p <= ALPHA


@dataclass(frozen=True)
class Decision:
    """The verdict of a row and what it rests on."""

    word: Word
    reason: str
    claims: tuple[Claim, ...] = ()


def decide(rows: Mapping[str, Tally], *, baseline: str, seed: int = 0, least: int = 0) -> dict[str, Decision]:
    """The verdict of each row of one table. `least`: pairs below which none is given."""
    entrants = {name: row for name, row in rows.items() if name != baseline}
    good = _corrected({name: _good(row, seed) for name, row in entrants.items()})
    bad = _corrected({name: _bad(row, seed) for name, row in entrants.items()})
    found = {name: _decision(row, rows.get(baseline), good[name], bad[name], least) for name, row in entrants.items()}
    return {name: found.get(name, Decision("baseline", "what the others are compared with")) for name in rows}


def _corrected(claims: Mapping[str, Sequence[Claim]]) -> dict[str, tuple[Claim, ...]]:
    """The same claims with p values adjusted for all that are made in the table."""
    known = [(name, k, claim.p) for name, own in claims.items() for k, claim in enumerate(own) if claim.p is not None]
    adjusted = dict(zip(((name, k) for name, k, _ in known), holm([p for _, _, p in known]), strict=True))
    return {
        name: tuple(Claim(claim.text, adjusted.get((name, k))) for k, claim in enumerate(own)) for name, own in claims.items()
    }


def _good(row: Tally, seed: int) -> list[Claim]:
    measures = [Claim(f"{criterion} not worse", p_bounded_above(means, MARGINS[criterion], floor=FLOOR[criterion], seed=seed))
                for criterion, means in _measures(row).items()]  # fmt: skip
    return [Claim("faster", p_above(_speed(row))), *measures]


def _bad(row: Tally, seed: int) -> list[Claim]:
    measures = []
    for criterion, means in _measures(row).items():
        turned, ceiling = [-value for value in means], FLOOR[criterion] + (2.0 if criterion in COMPARED else 1.0)
        measures.append(Claim(f"{criterion} worse", p_bounded_above(turned, -PARITY[criterion], floor=-ceiling, seed=seed)))
    return [Claim("slower", p_above([-value for value in _speed(row)])), *measures]


def _speed(row: Tally) -> list[float]:
    return list(row.logs["speed"].means().values())


def _measures(row: Tally) -> dict[str, list[float]]:
    """Family means of each measure of quality that applies to this row."""
    found = {criterion: row.differences[criterion].means() for criterion in COMPARED}
    found[PREFERENCE] = row.values[PREFERENCE].means()
    return {criterion: list(means.values()) for criterion, means in found.items() if means}


def _decision(row: Tally, serial: Tally | None, good: Sequence[Claim], bad: Sequence[Claim], least: int) -> Decision:
    claims = (*good, *bad)
    if row.pairs < max(least, 2):
        return Decision("n too small", f"{row.pairs} pairs; {max(least, 2)} are needed", claims)
    doubt = _doubt(row, serial)
    faster, slower = good[0].holds and not doubt, bad[0].holds
    worse = [down.text for up, down in zip(good[1:], bad[1:], strict=True) if down.holds and not up.holds]
    unknown = _unknown(row, good[1:])
    if faster and worse:
        return Decision("faster but worse", "; ".join(worse), claims)
    if faster and unknown:
        return Decision("faster, quality not shown", unknown, claims)
    if faster:
        return Decision("faster and not worse", "; ".join(claim.text for claim in good), claims)
    if slower or worse:
        return Decision("harmful", "; ".join([*(["slower"] if slower else []), *worse]), claims)
    return Decision("no gain", doubt or "no speedup beyond chance", claims)


def _doubt(row: Tally, serial: Tally | None) -> str:
    """Why a row cannot be called faster whatever its pairs say: it lost or retried more than serial did."""
    if serial is None or not serial.n or not row.n:
        return "nothing to compare with"
    for what, mine, theirs in (
        ("failed", row.failures / row.n, serial.failures / serial.n),
        ("were retried or set up a connection", row.unclean / max(1, row.tries), serial.unclean / max(1, serial.tries)),
    ):
        if mine > theirs + GAP:
            return f"{100 * mine:.0f} % of its trials {what}, {100 * theirs:.0f} % of serial's"
    return ""


def _unknown(row: Tally, quality: Sequence[Claim]) -> str:
    """What of the quality is not shown; empty when every measure is, and everything that was said was judged."""
    families, unjudged = len(row.logs["speed"].means()), row.unjudged
    if unjudged:
        return f"what the answers say was judged in {families - unjudged} of {families} families of prompts"
    return "; ".join(f"{claim.text}: not shown" for claim in quality if not claim.holds)
