"""What a stored run cost: calls, tokens and money by method and role, those of judges apart. Pure; derived from records.

Every attempt is counted that was sent, those that failed too. Warm-ups, and a block that was broken off, are on no disk and
in no sum. What is not known is None, in a table `-`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tabulate import tabulate

from ppbench.hookspecs import Executor
from ppbench.prices import Bill, Price, Prices
from ppbench.specs import split_spec
from ppbench.trace import Reply, Trial

ROLES = ("plan", "solve", "merge", "judge")


@dataclass(slots=True)
class Line:
    """Of one method and role."""

    attempts: int = 0
    tokens_in: int = 0
    tokens_cached: int = 0
    tokens_out: int = 0
    bill: Bill = field(default_factory=Bill)

    def count(self, reply: Reply, bill: Bill) -> None:
        self.attempts += 1
        self.tokens_in += reply.tokens_in or 0
        self.tokens_cached += reply.tokens_cached or 0
        self.tokens_out += reply.tokens_out or 0
        self.bill += bill

    def add(self, other: Line) -> None:
        self.attempts += other.attempts
        self.tokens_in += other.tokens_in
        self.tokens_cached += other.tokens_cached
        self.tokens_out += other.tokens_out
        self.bill += other.bill

    def to_json(self) -> dict[str, Any]:
        return {"attempts": self.attempts, "tokens_in": self.tokens_in, "tokens_cached": self.tokens_cached,
                "tokens_out": self.tokens_out, "usd": self.bill.total}  # fmt: skip


@dataclass(frozen=True)
class Costs:
    """Of a whole run."""

    model: str
    price: Price | None
    methods: Mapping[tuple[str, str], Line]
    """By decomposer and role, in the order of the run."""
    judges: Mapping[tuple[str, str], Line]
    """By judge and the model it asked."""
    notes: tuple[str, ...] = ()
    """What a reader should know before believing the sum."""

    @property
    def trials(self) -> Line:
        """All methods together."""
        return _sum(self.methods.values())

    @property
    def total(self) -> Line:
        """Judges too."""
        return _sum([*self.methods.values(), *self.judges.values()])

    def of(self, decomposer: str) -> Line:
        """All roles of one method."""
        return _sum(line for (name, _), line in self.methods.items() if name == decomposer)

    def to_json(self) -> dict[str, Any]:
        return {
            "model": self.model, "price": asdict(self.price) if self.price else None,
            "methods": [{"decomposer": name, "role": role, **line.to_json()} for (name, role), line in self.methods.items()],
            "judges": [{"judge": name, "model": model, **line.to_json()} for (name, model), line in self.judges.items()],
            "trials": self.trials.to_json(), "total": self.total.to_json(), "notes": list(self.notes),
        }  # fmt: skip


def model_of(run: Mapping[str, Any]) -> str:
    """The model that a stored run was answered by, `provider/name`."""
    executor, options = split_spec(run["executor"])
    endpoint: str = run["endpoint"]
    if endpoint.startswith("mock/"):
        return endpoint.partition(" ")[0]
    return named(executor, options.get("model") or "")


def asked_model(executor: Executor) -> str:
    """The model that an executor will ask, before it is entered."""
    model = getattr(executor, "model", "") or getattr(executor, "default_model", "")
    return named(executor.name, model)


def named(executor: str, model: str) -> str:
    """With its provider; the SDK of a provider, whose executor bears its name, may be given a bare name."""
    return model if "/" in model or not model else f"{executor}/{model}"


def costs(
    run: Mapping[str, Any], trials: Iterable[Trial], verdicts: Iterable[Mapping[str, Any]], prices: Prices
) -> Costs:  # fmt: skip
    """Count everything that was sent, in one pass."""
    model = model_of(run)
    found: dict[tuple[str, str], Line] = {}
    for trial in trials:
        for span in trial.trace.spans if trial.trace else ():
            line = found.setdefault((trial.decomposer, span.request.role), Line())
            for reply in (span.reply, *span.failed):
                line.count(reply, prices.bill(model, (reply,)))
    order = [method["spec"] for method in run["methods"]]
    rows = dict(sorted(found.items(), key=lambda row: (order.index(row[0][0]), ROLES.index(row[0][1]))))
    judged = _judged(verdicts, prices)
    return Costs(model, prices.price(model), rows, judged, tuple(_notes(model, rows, judged, prices)))


def usage_of(model: str, replies: Sequence[Reply], price_factor: float = 1.0) -> dict[str, Any]:
    """What the calls of a judge for one case took, for its first record; empty where no model was asked. A sum is None where
    an answer does not tell."""

    def total(name: str) -> int | None:
        told = [getattr(reply, name) for reply in replies if reply.error is None or getattr(reply, name) is not None]
        return None if None in told else sum(told)

    if not replies:
        return {}
    sums = {name: total(name) for name in ("tokens_in", "tokens_out", "tokens_cached")}
    return {"model": model, "calls": len(replies), **sums, **({} if price_factor == 1.0 else {"price_factor": price_factor})}


def _judged(verdicts: Iterable[Mapping[str, Any]], prices: Prices) -> dict[tuple[str, str], Line]:
    """What judges asked of models, where their records say so: `usage`, with the model, its calls and their tokens.

    A trial's verdicts by one judge come from the same calls: the first of them that says so counts.
    """
    found: dict[tuple[str, str], Line] = {}
    seen: set[tuple[Any, ...]] = set()
    for record in verdicts:
        usage = record.get("usage")
        cell = tuple(record.get(name) for name in ("judge", "item", "repeat", "decomposer", "try", "control", "round"))
        if usage and cell not in seen:
            seen.add(cell)
            found.setdefault((record["judge"], usage.get("model") or ""), Line()).add(_asked(usage, prices))
    return found


def _asked(usage: Mapping[str, Any], prices: Prices) -> Line:
    """One record; its tokens are those of several requests, so a price that holds up to some length is taken to hold."""
    price = prices.price(usage.get("model") or "")
    read, written, cached = usage.get("tokens_in"), usage.get("tokens_out"), usage.get("tokens_cached") or 0
    known = None not in (read, written)
    factor = usage.get("price_factor", 1.0)
    bill = Bill(factor * price.at_least(int(read or 0), int(written or 0), cached)) if price and known else Bill(unknown=1)
    return Line(usage.get("calls") or 0, read or 0, cached, written or 0, bill)


def _sum(lines: Iterable[Line]) -> Line:
    total = Line()
    for line in lines:
        total.add(line)
    return total


def _notes(
    model: str, rows: Mapping[tuple[str, str], Line], judged: Mapping[tuple[str, str], Line], prices: Prices
) -> Iterable[str]:  # fmt: skip
    models = dict.fromkeys([model, *(name for _, name in judged)])
    yield from (_missing(name, prices) for name in models if prices.price(name) is None)
    for name in models:
        price = prices.price(name)
        if price:
            yield f"{name}: {price_text(price)}"
    bill = _sum(rows.values()).bill
    if bill.unknown and prices.price(model):
        yield f"of {bill.unknown} attempts the cost is not known: no usage came, or they were longer than the price holds; " \
              f"the others cost {usd(bill.usd)}"  # fmt: skip
    if bill.estimated:
        yield f"the tokens of {bill.estimated} attempts are an estimate, and so is their cost"


def _missing(model: str, prices: Prices) -> str:
    return prices.missing(model) if model else "a model that was asked has no name in the record, and so no price"


def price_text(price: Price) -> str:
    """A price in words, with its day and its source."""
    cached = "" if price.cached is None else f"${price.cached:g} cached, "
    text = f"${price.input:g} in, {cached}${price.output:g} out per million tokens, as of {price.as_of} ({price.source})"
    return f"{text}. {price.note}" if price.note else text


def usd(value: float | None) -> str:
    """Money for a reader: cents where there are some, more places where there are none."""
    if value is None:
        return "-"
    return f"${value:.2f}" if value >= 1 or value == 0 else f"${value:.6f}" if value < 0.01 else f"${value:.4f}"


def costs_line(found: Costs) -> str:
    """One line for the foot of a table."""
    trials, total = found.trials, found.total
    judges = f", and judges {usd(_sum(found.judges.values()).bill.total)}" if found.judges else ""
    day = f", prices of {found.price.as_of}" if found.price else "; its price is not known, see `ppbench report RUN --costs`"
    invented = " (invented)" if found.price and found.price.source == "invented" else ""
    return f"Cost: {usd(trials.bill.total)}{judges}; {total.tokens_in:,} tokens in, {total.tokens_out:,} out{day}{invented}."


def render_costs(found: Costs) -> str:
    """The table: a row for each method and role, then judges, then sums."""
    rows = [_cells(name, role, line) for (name, role), line in found.methods.items()]
    rows += [_cells(name, f"judge, {model}", line) for (name, model), line in found.judges.items()]
    rows += [_cells(f"all of {name}", "", found.of(name)) for name in dict.fromkeys(name for name, _ in found.methods)]
    rows.append(_cells("everything", "", found.total))
    headers = ("decomposer", "role", "attempts", "tokens in", "of them\ncached", "tokens out", "USD")
    table = tabulate(rows, headers=headers, disable_numparse=True, colalign=("left", "left", *("right",) * 5))
    return "\n".join([table, "", *found.notes])


def _cells(name: str, role: str, line: Line) -> list[str]:
    counts = (line.attempts, line.tokens_in, line.tokens_cached, line.tokens_out)
    return [name, role, *(f"{count:,}" for count in counts), usd(line.bill.total)]
