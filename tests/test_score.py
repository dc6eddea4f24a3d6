"""Scores from trials with known times: each figure by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ppbench import Failure, Reply, Request, Span, Trace, Trial
from ppbench.health import health
from ppbench.plan import Status
from ppbench.report import doubts, render, render_by, to_json
from ppbench.score import Score, score, score_by

WELL = health([])


def trial(
    method: str, ms: int, *, item: str = "a", tokens: int | None = 10, first: int | None = 1, try_: int = 0,
    status: Status = "split", failure: str | None = None, clean: bool = True,
) -> Trial:  # fmt: skip
    failed = () if clean else (Reply("r", error=Failure("server", "planted")),)
    span = Span(Request("r", "x"), Reply("r", tokens_out=tokens), failed)
    trace = Trace((span,), "", (), 0, ms, None if first is None else first, status=status)
    return Trial(item, 0, method, try_, trace, failure)


def rows(*trials: Trial, verdicts: tuple[dict[str, Any], ...] = ()) -> dict[str, Score]:
    methods = list(dict.fromkeys(["serial", *(t.decomposer for t in trials)]))
    items = [{"id": item, "family": item} for item in "abcd"]
    run = {"items": items, "seed": 0, "methods": [{"spec": method, "given": False} for method in methods]}
    return {row.decomposer: row for row in score(run, trials, verdicts)}


def test_speedup_is_the_geometric_mean_of_paired_ratios() -> None:
    """2x and 8x make 4x; the ratio of total times stands beside it."""
    row = rows(trial("serial", 20), trial("m", 10), trial("serial", 80, item="b"), trial("m", 10, item="b"))["m"]
    assert row.raw_speedup == pytest.approx(4.0)
    assert row.total_time_ratio == pytest.approx(5.0)
    assert row.slower_share == 0.0


def test_scores_of_groups_are_those_of_their_prompts_alone() -> None:
    """By category or language: each group's pairs, and nobody else's."""
    items = [{"id": "a", "family": "a", "language": "de"}, {"id": "b", "family": "b", "language": "zh"}]
    run = {"items": items, "seed": 0, "methods": [{"spec": spec, "given": False} for spec in ("serial", "m")]}
    trials = [trial("serial", 20), trial("m", 10), trial("serial", 90, item="b"), trial("m", 10, item="b")]
    verdict = {"item": "b", "repeat": 0, "decomposer": "m", "try": 0, "criterion": "structure", "value": 0.5}
    groups = score_by("language", run, trials, [verdict])
    assert {name: row.raw_speedup for name, [_, row] in groups.items()} == pytest.approx({"de": 2.0, "zh": 9.0})
    assert [row.structure for [_, row] in groups.values()] == [None, 0.5]
    assert render_by(groups, "language").splitlines()[-1].startswith("zh")


def test_serial_against_itself_is_one() -> None:
    row = rows(trial("serial", 20))["serial"]
    assert (row.raw_speedup, row.normalized_speedup, row.token_ratio, row.ttft_ratio) == (1.0, 1.0, 1.0, 1.0)


def test_normalized_speedup_rewards_verbosity_as_published() -> None:
    """Raw 2x with three times the tokens is a normalized 6x."""
    row = rows(trial("serial", 20, tokens=10), trial("m", 10, tokens=30))["m"]
    assert row.raw_speedup == pytest.approx(2.0)
    assert row.normalized_speedup == pytest.approx(6.0)


def test_what_cannot_be_known_is_none() -> None:
    """No token counts, no first token, no verdict: None, never 0 or NaN."""
    row = rows(trial("serial", 20, tokens=None, first=None), trial("m", 10, tokens=0, first=None))["m"]
    assert (row.normalized_speedup, row.token_ratio, row.ttft_ratio) == (None, None, None)
    assert (row.structure, row.reference, row.raw_speedup_low) == (None, None, None)


def test_failures_fallbacks_and_declines_stay_in_the_denominator() -> None:
    """A failed trial makes no pair but counts in n; fallbacks and declines make pairs."""
    found = rows(
        *(trial("serial", 20, item=i) for i in "abcd"), trial("m", 10, item="a", failure="lost"),
        trial("m", 40, item="b", status="fallback"), trial("m", 20, item="c", status="declined"), trial("m", 10, item="d"),
    )["m"]  # fmt: skip
    assert (found.n, found.failures, found.fallbacks, found.declines) == (4, 1, 1, 1)
    assert found.raw_speedup == pytest.approx(1.0)
    assert found.speedup_when_split == pytest.approx(2.0)


def test_the_second_try_counts_and_the_first_is_what_users_felt() -> None:
    """Clean speedup from the second try, experienced from the first, and the unclean share beside them."""
    found = rows(
        trial("serial", 20), trial("m", 100, clean=False), trial("serial", 20, try_=1), trial("m", 10, try_=1)
    )["m"]  # fmt: skip
    assert found.raw_speedup == pytest.approx(2.0)
    assert found.experienced_speedup == pytest.approx(0.2)
    assert (found.n, found.unclean_share) == (1, 1.0)


def test_a_connection_inside_a_trial_makes_it_unclean() -> None:
    """A handshake that the clock had to wait for is told like a retry."""
    span = Span(Request("r", "x"), Reply("r", connect_ns=5))
    assert not span.clean
    assert Span(Request("r", "x"), Reply("r")).clean


def test_a_fallback_stays_in_the_token_ratio() -> None:
    """Calls that were cancelled have no usage; the pair is not dropped from the paper's figure for that."""
    made = trial("m", 20, tokens=10, status="fallback")
    assert made.trace is not None
    lost = Span(Request("x", "x"), Reply("x", error=Failure("cancelled", "planted")))
    fell = Trial("a", 0, "m", 0, replace(made.trace, spans=(lost, *made.trace.spans)))
    row = rows(trial("serial", 20), fell)["m"]
    assert (row.token_ratio, row.normalized_speedup) == (pytest.approx(1.0), pytest.approx(1.0))


def test_cut_and_cached_replies_are_counted() -> None:
    """The share that ended at a limit, and of input that came from a cache; more cut replies than serial's are said."""
    reply = Reply("r", tokens_out=1, tokens_in=100, tokens_cached=25, finish="length")
    cut = Trial("a", 0, "m", 0, Trace((Span(Request("r", "x"), reply),), "", (), 0, 10, 1))
    found = rows(trial("serial", 20), cut)
    assert (found["m"].length_share, found["m"].cached_share) == (1.0, 0.25)
    assert (found["serial"].length_share, found["serial"].cached_share) == (0.0, None)
    assert "ended at a token limit" in " ".join(doubts(RUN, list(found.values()), WELL))


def test_a_refusal_is_no_retry() -> None:
    """A request that the endpoint refuses for good is a failure; nothing was tried again, so its block is clean."""
    assert Span(Request("r", "x"), Reply("r", error=Failure("bad_request", "no"))).clean
    assert not Span(Request("r", "x"), Reply("r", error=Failure("server", "no"))).clean


def test_planning_tokens_are_no_part_of_the_token_ratio() -> None:
    """What a method writes to plan and to merge is cost, not length of the answer."""
    made = trial("m", 10, tokens=10)
    assert made.trace is not None
    planning = Span(Request("p", "x", role="plan"), Reply("p", tokens_out=90))
    longer = Trial("a", 0, "m", 0, replace(made.trace, spans=(*made.trace.spans, planning)))
    assert rows(trial("serial", 20), longer)["m"].token_ratio == pytest.approx(1.0)


def test_prompts_of_one_family_are_one_observation() -> None:
    """Two translations of a prompt give one value and no interval."""
    run = {"items": [{"id": i, "family": "f"} for i in "ab"], "seed": 0,
           "methods": [{"spec": m, "given": False} for m in ("serial", "m")]}  # fmt: skip
    trials = [trial("serial", 20), trial("m", 10), trial("serial", 80, item="b"), trial("m", 10, item="b")]
    row = score(run, trials, ())[1]
    assert (row.raw_speedup, row.raw_speedup_low) == (pytest.approx(4.0), None)


def test_a_method_that_needs_more_retries_than_serial_cannot_be_called_faster() -> None:
    """Five points more of unclean first tries are said under the table."""
    unclean = [trial("m", 10, item=i, clean=i != "a") for i in "abcd"]
    found = rows(*(trial("serial", 20, item=i) for i in "abcd"), *unclean)
    assert "cannot be called faster" in " ".join(doubts(RUN, list(found.values()), WELL))
    clean = rows(*(trial("serial", 20, item=i) for i in "abcd"), *(trial("m", 10, item=i) for i in "abcd"))
    assert "cannot be called faster" not in " ".join(doubts(RUN, list(clean.values()), WELL))


def test_a_failed_serial_makes_no_pair() -> None:
    found = rows(trial("serial", 1, failure="lost"), trial("m", 10))["m"]
    assert (found.n, found.raw_speedup) == (1, None)


def test_verdicts_of_the_try_that_counts_make_the_mean() -> None:
    def verdict(item: str, value: float, try_: int = 0) -> dict[str, Any]:
        return {"item": item, "repeat": 0, "decomposer": "serial", "try": try_, "criterion": "structure", "value": value}

    found = rows(
        trial("serial", 1), trial("serial", 1, try_=1), trial("serial", 1, item="b"),
        verdicts=(verdict("a", 0.0), verdict("a", 1.0, 1), verdict("b", 0.5)),
    )  # fmt: skip
    assert found["serial"].structure == pytest.approx(0.75)


RUN = {"endpoint": "e", "timing": "modelled", "clock": "virtual", "executor": "offline", "conditions": {"concurrency": 1}}


def test_the_table_doubts_itself() -> None:
    """An interval that holds 1, unlike lengths and too few prompts are said."""
    found = rows(
        trial("serial", 20), trial("m", 10, tokens=40), trial("serial", 20, item="b"), trial("m", 40, item="b", tokens=40)
    )  # fmt: skip
    text = " ".join(doubts(RUN, list(found.values()), WELL))
    assert "the interval holds 1.0" in text
    assert "4.00 times as long" in text
    assert "too few for an interval" in " ".join(doubts(RUN, list(rows(trial("serial", 2), trial("m", 1)).values()), WELL))


@pytest.mark.parametrize("form", ["table", "markdown", "csv"])
def test_an_empty_run_renders(form: str) -> None:
    """A run in which nothing was answered prints dashes and says so, in every format."""
    found = list(rows(trial("serial", 1, failure="x")).values())
    assert "serial" in render(RUN, found, WELL, path="p", form=form)
    assert "no speedup can be known" in " ".join(to_json(RUN, found, WELL, path="p")["warnings"])
