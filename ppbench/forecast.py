"""What a run will send, cost and take: guessed from its plans, or from an earlier run, before anything is sent. Pure.

Input is a token for four bytes of what a plan would send. What an answer holds is guessed from the prompt's label: of named
items as much as they hold, of pieces that are asked for PIECE tokens each; without a label ANSWER tokens in all. A call that
expands is taken to say the prompt over again and to lead to as many calls as the label has parts (else PARTS), each of which
reads the prompt and INSTRUCTION tokens; what is asked after those is not foreseen. Time is that of calls that wait for
nothing but what they need.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from graphlib import TopologicalSorter
from typing import Any

from tabulate import tabulate

from ppbench.costs import price_text, usd
from ppbench.limits import tokens_of
from ppbench.model import Item
from ppbench.plan import Call, Plan
from ppbench.prices import Price, Prices
from ppbench.trace import Trial

PARTS = 5
PIECE = 40
ANSWER = 300
INSTRUCTION = 60
NONCE = 5
"""Tokens that open the system text of every call of a trial."""
_NOTES = (
    "Tokens in: bytes / 4. Tokens out, where no earlier run tells: of items in a prompt's label as much as they hold, "
    f"{PIECE} for each piece that is asked for, {ANSWER} in all without a label.",
    "Calls assumed: a call that expands sends more, as many as its reply asks for; taken are as many as the prompt's label has "
    f"parts, else {PARTS}, each reading the prompt and {INSTRUCTION} tokens more. What they ask for then is not foreseen.",
)


@dataclass(frozen=True)
class Pace:
    """How quick a model is, in seconds."""

    ttft: float
    """To the first token."""
    tok: float
    """Between tokens."""
    read: float = 0.0
    """For each token read."""

    def of(self, read: float, written: float) -> float:
        return self.ttft + self.read * read + self.tok * written


@dataclass(frozen=True)
class Load:
    """What a trial, or many, will ask for. None: not known."""

    trials: float = 1
    calls: float = 0
    assumed: float = 0
    """Those of them that no plan shows yet."""
    tokens_in: float = 0
    tokens_out: float = 0
    usd: float | None = 0.0
    seconds: float | None = 0.0
    declined: float = 0

    def __add__(self, other: Load) -> Load:
        return self._each(lambda name, mine: _plus(mine, getattr(other, name)))

    def times(self, factor: float) -> Load:
        return self._each(lambda name, mine: None if mine is None else mine * factor)

    def _each(self, change: Callable[[str, float | None], float | None]) -> Load:
        values: dict[str, Any] = {name: change(name, value) for name, value in asdict(self).items()}
        return Load(**values)

    def to_json(self) -> dict[str, Any]:
        whole = {k: round(v) for k, v in asdict(self).items() if k not in ("usd", "seconds")}
        return {**whole, "usd": self.usd, "seconds": self.seconds}


NOTHING = Load(trials=0)


def _plus(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


class Past:
    """What an earlier run tells: the means of its trials, by method and prompt. Prices are those of now."""

    def __init__(self, trials: Iterable[Trial], model: str, prices: Prices) -> None:
        self._loads: dict[tuple[str, ...], Load] = {}
        """By method, and by method and prompt."""
        for trial in trials:
            load = _happened(trial, model, prices)
            for key in ((trial.decomposer,), (trial.decomposer, trial.item)):
                self._loads[key] = self._loads.get(key, NOTHING) + load

    def load(self, spec: str, item: Item) -> Load | None:
        """A trial of this method on this prompt, else on any; None for a method that was not run."""
        found = self._loads.get((spec, item.id)) or self._loads.get((spec,))
        return found.times(1 / found.trials) if found else None


def _happened(trial: Trial, model: str, prices: Prices) -> Load:
    spans = trial.trace.spans if trial.trace else ()
    replies = [reply for span in spans for reply in (span.reply, *span.failed)]
    return Load(
        calls=len(replies), usd=prices.cost(model, replies),
        tokens_in=sum(reply.tokens_in or 0 for reply in replies), tokens_out=sum(reply.tokens_out or 0 for reply in replies),
        seconds=trial.trace.latency_ns / 1e9 if trial.trace else 0.0,
        declined=trial.trace is not None and trial.trace.status == "declined",
    )  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """What a run would run under."""

    model: str
    price: Price | None
    repeats: int = 1
    concurrency: int = 1
    nonce: bool = True
    systems: Mapping[str, str] = field(default_factory=dict)
    """System texts of solve calls by category, where they are sent."""
    pace: Pace | None = None
    past: Past | None = None


@dataclass(frozen=True)
class Forecast:
    """What is expected of a run."""

    setting: Setting
    rows: Mapping[str, Load]
    by_past: frozenset[str]
    """Methods whose figures are those of an earlier run."""
    warm_up: Load
    """The first block, which is run once for nothing, and paid for."""

    @property
    def total(self) -> Load:
        total = NOTHING
        for load in (*self.rows.values(), self.warm_up):
            total += load
        seconds = None if total.seconds is None else total.seconds / self.setting.concurrency
        return replace(total, seconds=seconds)

    def to_json(self, notes: Sequence[str]) -> dict[str, Any]:
        rows = [{"decomposer": spec, **load.to_json(), "basis": self._basis(spec)} for spec, load in self.rows.items()]
        return {"model": self.setting.model, "price": asdict(self.setting.price) if self.setting.price else None, "rows": rows,
                "warm_up": self.warm_up.to_json(), "total": self.total.to_json(), "notes": list(notes)}  # fmt: skip

    def _basis(self, spec: str) -> str:
        return "earlier run" if spec in self.by_past else "plans"

    def table(self) -> str:
        rows = [_cells(spec, load) for spec, load in self.rows.items()]
        rows += [_cells("(warm-up)", self.warm_up), _cells("everything", self.total)]
        headers = ("decomposer", "trials", "calls", "of them\nassumed", "tokens in", "tokens out", "USD", "seconds", "declined")
        return tabulate(rows, headers=headers, disable_numparse=True, colalign=("left", *("right",) * 8))

    def notes(self) -> list[str]:
        """How it was estimated."""
        setting, found = self.setting, [*_NOTES]
        if self.by_past:
            found.append(
                f"From an earlier run, as it went there: {', '.join(spec for spec in self.rows if spec in self.by_past)}."
            )
        if setting.pace and len(self.by_past) < len(self.rows):
            found.append(f"Time: {setting.pace.ttft:g} s to a first token and {setting.pace.tok:g} s a token, calls waiting "
                         f"for what they need alone; everything divided by -j {setting.concurrency}.")  # fmt: skip
        elif self.total.seconds is None:
            found.append("Time: nobody knows how quick the model is; give --ttft and --tok, as `ppbench endpoint check` prints "
                         "them, or --like with an earlier run.")  # fmt: skip
        if setting.price:
            found.append(f"Price of {setting.model}: {price_text(setting.price)}")
        return found


def forecast(plans: Mapping[str, Sequence[tuple[Item, Plan]]], setting: Setting) -> Forecast:
    """Add up the trials of each method; `plans` holds what each makes of each prompt."""
    rows, by_past, warm_up = {}, set(), NOTHING
    for spec, made in plans.items():
        total = NOTHING
        for place, (item, plan) in enumerate(made):
            past = setting.past.load(spec, item) if setting.past else None
            by_past |= {spec} if past else set()
            load = past or _guess(plan, item, setting)
            total += load.times(setting.repeats)
            warm_up += load if place == 0 else NOTHING
        rows[spec] = total
    return Forecast(setting, rows, frozenset(by_past), warm_up)


def _guess(plan: Plan, item: Item, setting: Setting) -> Load:
    """One trial, from its plan."""
    parts, answer = _expected(item)
    said, solves = tokens_of(item.text), sum(call.role == "solve" and call.expand is None for call in plan.calls)
    branch = (said + INSTRUCTION + NONCE * setting.nonce, answer / parts)
    total, lasts = replace(NOTHING, trials=1, seconds=None, declined=plan.status == "declined"), {}
    for call in plan.calls:
        read = _read(call, item, setting)
        written = said if call.expand else answer / solves if call.role == "solve" and solves else answer
        written = min(written, call.max_tokens or written)
        asked = [(read, written), *[branch] * (parts if call.expand else 0)]
        total += Load(0, len(asked), len(asked) - 1, sum(r for r, _ in asked), sum(w for _, w in asked), _usd(asked, setting))
        lasts[call.id] = [setting.pace.of(*one) for one in asked[:2]] if setting.pace else []
    return replace(total, seconds=_seconds(plan, lasts, setting.pace) if setting.pace else None)


def _expected(item: Item) -> tuple[int, float]:
    """Parts and tokens of an answer, by the label of the prompt."""
    schema = item.schema
    if schema is None:
        return PARTS, ANSWER
    return (len(schema.data), sum(map(tokens_of, schema.data))) if schema.data else (schema.n or 1, PIECE * (schema.n or 1))


def _read(call: Call, item: Item, setting: Setting) -> int:
    text = tokens_of(call.text) if isinstance(call.text, str) else tokens_of(item.text) + INSTRUCTION
    own = call.system if call.system is not None or call.role != "solve" else setting.systems.get(item.category, "")
    return text + tokens_of(own or "") + tokens_of(call.prefix or "") + NONCE * setting.nonce


def _usd(asked: Sequence[tuple[float, float]], setting: Setting) -> float | None:
    costs = [setting.price.of(round(read), round(written)) if setting.price else None for read, written in asked]
    return None if None in costs else sum(cost for cost in costs if cost is not None)


def _seconds(plan: Plan, lasts: Mapping[str, Sequence[float]], pace: Pace) -> float:
    """Until the last call has ended: each begins when what it needs is there."""
    order = TopologicalSorter({call.id: (*call.needs, *call.after) for call in plan.calls}).static_order()
    calls = {call.id: call for call in plan.calls}
    ends: dict[str, float] = {}
    begins: dict[str, float] = {}
    for name in order:
        call = calls[name]
        begins[name] = max([0.0, *(ends[need] for need in call.needs), *(begins[other] + pace.ttft for other in call.after)])
        ends[name] = begins[name] + sum(lasts[name])
    return max(ends.values())


def _cells(name: str, load: Load) -> list[str]:
    counts = (load.trials, load.calls, load.assumed, load.tokens_in, load.tokens_out)
    seconds = "-" if load.seconds is None else f"{load.seconds:,.1f}"
    return [name, *(str(round(count)) for count in counts), usd(load.usd), seconds, str(round(load.declined))]
