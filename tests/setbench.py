"""What becomes of conditions on a set of pieces, with shards and without: `make bench-sets`. Deterministic; a test holds it.

Each prompt of tasks/repeated_generation/constraints.jsonl is split by its own schema and sent through the loop to the mock
model on the virtual clock, once as ppbench asks and once as published (n equal calls).

    duplicates     pieces that say what an earlier piece of the same prompt says, of all pieces but the first ones
    quotas kept    quotas that stand as their own in exactly as many requests as the prompt asks for, of those that are
                   told for sure; where none is told, the request still holds the whole prompt
    told           labelled conditions of the prompts whose text every request of the prompt holds with the prompt

The mock writes filler and answers equal requests alike, as a model at temperature 0 does: these are figures about requests,
and say nothing of how well a model keeps to what it is asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from ppbench import Item, Plan, Trace, data_dir, load_items
from ppbench.execute import Loop
from ppbench.jobs import Job
from ppbench_plugins.decomposers.constraints import Shards
from ppbench_plugins.decomposers.schema import SchemaExtraction
from ppbench_plugins.executors.offline import Offline

FILE = "repeated_generation/constraints.jsonl"
METHODS = {"shards": SchemaExtraction(source="given"), "n equal calls": SchemaExtraction(source="given", dialect="paper-2")}


@dataclass(frozen=True)
class Kept:
    """Counts over all prompts of one method."""

    prompts: int
    pieces: int
    again: int
    """Pieces that repeat an earlier one of their prompt."""
    quotas: int
    kept: int
    conditions: int
    told: int

    def line(self, name: str) -> str:
        rate = self.again / (self.pieces - self.prompts)
        return (f"{name:<14} {self.prompts:>7} {self.pieces:>7} {rate:>10.0%}   {self.kept:>4} of {self.quotas:<4} "
                f"{self.told:>4} of {self.conditions}")  # fmt: skip


def measure(method: SchemaExtraction) -> Kept:
    """Run the prompts and count."""
    items = load_items(data_dir("tasks") / FILE, categories={"repeated_generation": "repeated_generation"})[0]
    found = [(item, trace) for item, trace in _traces(method, items) if item.schema and item.schema.n]
    pieces = again = quotas = kept = told = conditions = 0
    for item, trace in found:
        pieces += len(trace.parts)
        again += len(trace.parts) - len(set(trace.parts))
        requests = [span.request.text for span in trace.spans]
        sure = Counter[str]()
        for quota in Shards.of(item.text, len(requests)).quotas:
            sure[quota.what] += quota.count
        quotas += len(sure)
        kept += sum(sum(what in _own(text) for text in requests) == count for what, count in sure.items())
        conditions += len(item.constraints)
        told += len(item.constraints) * all(item.text in text for text in requests)
    return Kept(len(found), pieces, again, quotas, kept, conditions, told)


def _traces(method: SchemaExtraction, items: list[Item]) -> Iterator[tuple[Item, Trace]]:
    def job(item: Item) -> Job:
        prompt = item.prompt(method.given)
        return Job(item.id, lambda: method.decompose(prompt), lambda reason: Plan.fallback(prompt, reason))

    with Offline(model="mock/quick") as executor:
        for item in items:
            [outcome] = Loop(executor).run([[job(item)]])
            yield item, outcome.trace


def _own(request: str) -> str:
    return request.partition("This falls here:")[2].partition("To others:")[0]


def main() -> None:
    print(f"{'':<14} {'prompts':>7} {'pieces':>7} {'duplicates':>10}   {'quotas kept':<12} {'told':<10}")
    for name, method in METHODS.items():
        print(measure(method).line(name))


if __name__ == "__main__":
    main()
