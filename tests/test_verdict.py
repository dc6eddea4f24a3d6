"""Verdicts: what a row may be called, by hand-made tallies."""

from __future__ import annotations

import pytest

from ppbench.tally import Tally
from ppbench.verdict import Decision, decide

N = 200


def row(
    speed: float, *, reference: float | None = 0.0, structure: float | None = 0.0, preference: float | None = None,
    n: int = N, failures: int = 0, unclean: int = 0, unjudged: int = 0,
) -> Tally:  # fmt: skip
    """A row of `n` families: log speedups around `speed`, constant differences from serial."""
    made = Tally(n=n + failures, pairs=n, failures=failures, tries=n, unclean=unclean)
    for k in range(n):
        made.logs["speed"].add(str(k), speed + 0.1 * (k % 3 - 1))
        for criterion, value in (("structure", structure), ("reference", reference), ("preference", preference)):
            if value is not None and (criterion == "structure" or k >= unjudged):
                made.judged(str(k), (str(k), 0), criterion, value if criterion == "preference" else 0.9 + value, 0.9)
    return made


def verdict(one: Tally, **options: int) -> Decision:
    return decide({"serial": row(0.0), "m": one}, baseline="serial", **options)["m"]


@pytest.mark.parametrize(("one", "word", "reason"), [
    (row(0.5), "faster and not worse", "faster; reference not worse; structure not worse"),
    (row(0.5, reference=None, preference=0.5), "faster and not worse", "preference not worse"),
    (row(0.5, reference=-0.3), "faster but worse", "reference worse"),
    (row(0.5, structure=-0.3), "faster but worse", "structure worse"),
    (row(0.5, preference=0.2), "faster but worse", "preference worse"),
    (row(0.5, reference=-0.001, n=3000), "faster and not worse", "reference not worse"),
    (row(0.5, n=14), "faster, quality not shown", "not shown"),
    (row(0.5, reference=None), "faster, quality not shown", "judged in 0 of 200"),
    (row(0.5, unjudged=1), "faster, quality not shown", "judged in 199 of 200"),
    (row(0.0), "no gain", "no speedup beyond chance"),
    (row(0.5, failures=40), "no gain", "17 % of its trials failed, 0 % of serial's"),
    (row(0.5, unclean=20), "no gain", "10 % of its trials were retried"),
    (row(-0.5), "harmful", "slower"),
    (row(0.0, reference=-0.3), "harmful", "reference worse"),
    (row(0.5, n=1), "n too small", "1 pairs; 2 are needed"),
    (Tally(), "n too small", "0 pairs"),
])  # fmt: skip
def test_the_word_and_its_reason(one: Tally, word: str, reason: str) -> None:
    """Each word of the verdict, and the sentence that says why."""
    found = verdict(one)
    assert found.word == word
    assert reason in found.reason


def test_a_category_needs_150_pairs() -> None:
    """Where a least number is asked for, fewer pairs give no verdict."""
    assert verdict(row(0.5, n=149), least=150).word == "n too small"
    assert verdict(row(0.5, n=150), least=150).word != "n too small"


def test_serial_is_the_baseline() -> None:
    assert decide({"serial": row(0.0)}, baseline="serial")["serial"].word == "baseline"


def test_more_rows_ask_for_more_proof() -> None:
    """A speedup that one row alone could claim is not claimed for it among twenty, by Holm's correction."""
    thin = row(0.011, n=N)
    assert verdict(thin).claims[0].holds
    crowd = {f"m{k}": row(0.0) for k in range(19)}
    found = decide({"serial": row(0.0), "m": thin, **crowd}, baseline="serial")["m"]
    assert not found.claims[0].holds
