"""The paper's judge: a model compares the method's answer with the serial one by accuracy, grammar, detail, preference.

Mended where the published code (ParallelPrompt, openai_eval) flatters a position or loses rows: both orders are always
asked, reasons come before the verdict, a disagreement of the orders is a tie and counted, and no reply is dropped in
silence. Answers stand inside a fence that they cannot know. What the judge prefers is not corrected here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, ClassVar, Literal

from ppbench import Call, Case, Plan, Reply, Verdict
from ppbench_plugins.judges.pairwise_reading import CRITERIA, TIE, read, reasoning, shown
from ppbench_plugins.prompts import fill

ORDERS = ("serial-first", "method-first")
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"reasoning": {"type": "string"},
                   **{name: {"type": "string", "enum": ["1", "2", "tie"]} for name in CRITERIA}},
    "required": ["reasoning", *CRITERIA],
    "additionalProperties": False,
}  # fmt: skip
_EXECUTORS = {"mock": "offline", "openai": "openai", "anthropic": "anthropic"}
"""Who asks a provider's models, where nothing else is said."""
_STRUCTURED = ("offline", "native", "openai", "anthropic", "openai-batch", "anthropic-batch")
"""Executors known to pass a JSON Schema on. A plan with one is refused by those that do not, and the text asks for the
same JSON, so an unknown executor is sent none."""
_ENDS = {"length": "was cut off at the token limit and ", "content_filter": "was refused and ", "refusal": "was refused and "}


@dataclass(frozen=True)
class Pairwise:
    """Verdicts `accuracy, grammar, detail, preference` for the method against serial: 1 won, 0 lost, 0.5 a tie, which a
    disagreement of the two orders is too; `flip`, the share of the four on which the orders disagree; and `unusable`,
    1 for a comparison that cannot be read, which then has no other verdict, and 0 for any other. So the mean of
    `unusable` is the share that is missing from the other criteria."""

    name: ClassVar[str] = "pairwise"
    compares: ClassVar[bool] = True
    """Its verdicts are relative to serial."""

    model: str
    executor: str = ""
    """Empty: told by the model's provider. Filled in when made, so that the spec says who asked."""
    parts: Literal["merged", "parts"] = "merged"
    """Which of the method's texts is judged: the merged answer, or the raw parts, joined by blank lines as the paper does."""
    seed: int = 0
    max_tokens: int = 4000
    structured: bool | None = None
    """Send the form of the verdict as a JSON Schema as well; None: if the executor is known to pass it on."""

    def __post_init__(self) -> None:
        if self.max_tokens < 1:
            raise ValueError(f"max_tokens is {self.max_tokens}; give more than 0")
        provider = self.model.partition("/")[0]
        if not self.executor and provider not in _EXECUTORS:
            raise ValueError(f'nobody is known to ask {self.model!r} (known: {", ".join(_EXECUTORS)}); name who does, e.g. '
                             'executor="native:base_url=http://127.0.0.1:8000/v1"')  # fmt: skip
        object.__setattr__(self, "executor", self.executor or _EXECUTORS[provider])

    @property
    def instructions(self) -> str:
        """The fixed text of what is asked, with its slots open, and the form of the verdict."""
        return fill("judge_pairwise") + "\n" + json.dumps(SCHEMA)

    def plan(self, case: Case) -> Plan | None:
        if _own(case) or self._known(case) is not None:
            return None
        assert case.serial is not None
        prompt, serial, method = map(_sendable, (case.item.text, case.serial.answer, self._text(case)))
        fence = fence_of(self.seed, prompt, serial, method)
        texts = [fill("judge_pairwise", fence=fence, prompt=prompt, first=first, second=second)
                 for first, second in ((serial, method), (method, serial))]  # fmt: skip
        return Plan(tuple(self._call(order, text) for order, text in zip(ORDERS, texts, strict=True)))

    def verdicts(self, case: Case, replies: Sequence[Reply]) -> Iterable[Verdict]:
        """Nothing of serial itself; what is known without asking; else what the two replies say."""
        if _own(case):
            return []
        known = self._known(case)
        return known if known is not None else _compared(replies)

    def _call(self, order: str, text: str) -> Call:
        asked = self.executor.partition(":")[0] in _STRUCTURED if self.structured is None else self.structured
        return Call(order, text, role="judge", json_schema=SCHEMA if asked else None, max_tokens=self.max_tokens)

    def _text(self, case: Case) -> str:
        return "\n\n".join(case.trace.parts) if self.parts == "parts" else case.trace.answer

    def _known(self, case: Case) -> list[Verdict] | None:
        """Verdicts that no model has to give; None if one has to."""
        if case.serial is None:
            return [Verdict("unusable", 1.0, "there is no serial answer to compare with")]
        serial, method = case.serial.answer.strip(), self._text(case).strip()
        if serial == method:
            return _all(0.5, "the same text; not asked")
        if not method:
            return _all(0.0, "no answer; not asked")
        return None if serial else _all(1.0, "serial has no answer; not asked")


def fence_of(seed: int, *texts: str) -> str:
    """A mark that stands in none of the texts, and that nobody can write into one beforehand: it depends on all of them."""
    for number in count():
        made = json.dumps([seed, number, *texts]).encode()
        mark = hashlib.sha256(made).hexdigest()[:16]
        if not any(mark in text for text in texts):
            return mark
    raise AssertionError("unreachable")


def _sendable(text: str) -> str:
    """Half a surrogate pair, which some clients cannot put into a request, becomes the mark for what cannot be shown."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def _own(case: Case) -> bool:
    """Serial's own trial: it is not compared with itself, nor complained of when it failed."""
    return case.trace is case.serial or (case.serial is None and case.trace.status == "serial")


def _all(value: float, reason: str) -> list[Verdict]:
    return [*(Verdict(criterion, value, reason) for criterion in CRITERIA), Verdict("unusable", 0.0)]


def _compared(replies: Sequence[Reply]) -> Iterator[Verdict]:
    read_replies = [_read(reply) for reply in replies]
    said = [found for found in read_replies if not isinstance(found, str)]
    if len(said) < len(ORDERS):
        problems = [f"{order}: {found}" for order, found in zip(ORDERS, read_replies, strict=False) if isinstance(found, str)]
        yield Verdict("unusable", 1.0, "; ".join(problems) or "the judge was not asked")
        return
    first, second = said
    values = {name: (_value(first[name], method=2), _value(second[name], method=1)) for name in CRITERIA}
    reasons = reasoning(replies[0].text)
    for name, (one, other) in values.items():
        if one == other:
            yield Verdict(name, one, shown(reasons, 200) if reasons and name == "preference" else "")
        else:
            yield Verdict(name, 0.5, f"flip: {_word(one)} when serial stood first, {_word(other)} when it stood second")
    flipped = [name for name, (one, other) in values.items() if one != other]
    yield Verdict("flip", len(flipped) / len(CRITERIA), _places([(first[name], second[name]) for name in flipped]))
    yield Verdict("unusable", 0.0)


def _read(reply: Reply) -> dict[str, int] | str:
    """What a reply says, or why it cannot be used."""
    if reply.error is not None:
        return f"was not answered: {reply.error.kind}: {reply.error.message}"
    try:
        return read(reply.text)
    except ValueError as problem:
        return f"the reply {_ENDS.get(reply.finish or '', '')}{problem}"


def _value(side: int, *, method: int) -> float:
    return 0.5 if side == TIE else float(side == method)


def _word(value: float) -> str:
    return {0.0: "lost", 0.5: "a tie", 1.0: "won"}[value]


def _places(flips: Sequence[tuple[int, int]]) -> str:
    """Which place the judge leans to, of what flipped: the one it chose in both orders, or in the one without a tie."""
    places = [max(pair) for pair in flips]
    return f"to the first place {places.count(1)}, to the second {places.count(2)}" if places else ""
