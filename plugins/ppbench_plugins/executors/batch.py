"""`openai-batch` and `anthropic-batch`: the providers' batch APIs through their own SDKs, at half the price and untimed.

What a judge or a planner asks gathers, leaves in a batch, and comes back within a day. Nothing here can be timed: such an
executor is refused by whatever measures. When and what is submitted is the driver's business.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from time import monotonic_ns
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from ppbench import Failure, Request
from ppbench_plugins import wire
from ppbench_plugins.executors.batch_driver import Batching, Limits, Provider
from ppbench_plugins.executors.batch_state import State
from ppbench_plugins.executors.online import Driver, Link
from ppbench_plugins.executors.providers import Sdk, failure_of
from ppbench_plugins.executors.threads import Flight
from ppbench_plugins.wire.batches import Row

if TYPE_CHECKING:
    from ppbench_plugins.executors.lines import Lines

MB = 1_000_000
NEWEST = 20
"""Batches among which one is looked for whose making was not answered."""


@dataclass(frozen=True)
class _Batch(Sdk):
    untimed: ClassVar[bool] = True
    price_factor: ClassVar[float] = 0.5
    """Of the price of the same request alone, at both providers."""
    most_rows: ClassVar[int]
    most_mb: ClassVar[int]

    max_reply_mb: int = 1024
    """Of the results of one batch."""
    state: str = ""
    """A file that remembers batches: who asks the same again, after an interrupt too, collects and does not send. Without
    one, batches that nobody waits for any more are cancelled."""
    poll_s: float = 10.0
    """Seconds before a batch is first asked about; each pause is half as long again as the last, up to thirty times this."""
    gather_s: float = 1.0
    """Seconds without a further request after which those that gathered are submitted."""
    batch_rows: int = 0
    """Requests in a batch at most; 0: as many as the provider takes. An account's queue may hold fewer."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.poll_s < 100_000:
            raise ValueError(f"poll_s is {self.poll_s}; give more than 0 and less than 100000")
        if not 0 <= self.gather_s < 100_000:
            raise ValueError(f"gather_s is {self.gather_s}; give 0 or more, and less than 100000")
        if not 0 <= self.batch_rows <= self.most_rows:
            raise ValueError(f"batch_rows is {self.batch_rows}; the provider takes up to {self.most_rows}, and 0 is that")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        driver = self._state.driver if self._state else None
        left = driver.left if isinstance(driver, Batching) else []
        super().__exit__(kind, error, traceback)
        if error is not None and left:
            kept = f"under way; state={self.state} remembers it, and the same command collects what comes"
            lost = "cancelled; with the option state=FILE it would have gone on"
            error.add_note(f"{self.name}: {', '.join(left)}: {kept if self.state else lost}")

    def _start(self, library: Any, link: Link, stack: ExitStack) -> Driver:
        state = stack.enter_context(closing(State(self.state, self.name, link.endpoint)))
        provider = self._provider(link, self._lines(library, link, stack))
        limits = Limits(self.batch_rows or self.most_rows, self.most_mb * MB)
        return stack.enter_context(closing(Batching(
            provider, partial(self._row, link), state, limits, poll_s=self.poll_s, gather_s=self.gather_s,
        )))  # fmt: skip

    def _row(self, link: Link, request: Request) -> Row:
        return wire.batches.row(self.body(link, request, stream=False))

    def _provider(self, link: Link, lines: Lines) -> Provider:
        raise NotImplementedError


@dataclass(frozen=True)
class OpenAIBatch(_Batch):
    name: ClassVar[str] = "openai-batch"
    sdk: ClassVar[str] = "openai"
    most_rows: ClassVar[int] = 50_000
    most_mb: ClassVar[int] = 200

    def _provider(self, link: Link, lines: Lines) -> Provider:
        return _OfOpenAI(link, lines)


@dataclass(frozen=True)
class AnthropicBatch(_Batch):
    name: ClassVar[str] = "anthropic-batch"
    sdk: ClassVar[str] = "anthropic"
    most_rows: ClassVar[int] = 100_000
    most_mb: ClassVar[int] = 256

    def _provider(self, link: Link, lines: Lines) -> Provider:
        return _OfAnthropic(link, lines)


class _Lost(Exception):
    """No answer came to the request that makes a batch, so one may have been made; not to be tried again."""


class _Api:
    """What both have in common."""

    def __init__(self, link: Link, lines: Lines) -> None:
        self._link, self._lines = link, lines

    @contextmanager
    def _client(self, *, fresh: bool = False) -> Iterator[Any]:
        """The SDK's client; with `fresh` on a connection of its own, which nobody can have closed meanwhile."""
        with self._lines.borrow(Flight(Request("batch", ""), monotonic_ns())) as line:
            if fresh:
                line.renew()
            yield line.client

    def failure(self, error: Exception) -> Failure:
        if not isinstance(error, _Lost):
            return failure_of(error, self._link)
        said = f"a batch may have been made, and its id did not come ({error})"
        return wire.failure("bad_reply", said, target=self._link.target, key=self._link.key)

    def _is_lost(self, error: Exception) -> bool:
        """The request may have arrived: it left, and nothing that can be read came back."""
        answered, left = getattr(error, "response", None) is not None, "Connect" not in type(error.__cause__).__name__
        return not answered and left and self.failure(error).kind in ("timeout", "dropped", "bad_reply")

    def _read(self, line: Any) -> tuple[str, wire.Answer]:
        return wire.batches.read_result(self._link.target, line, key=self._link.key)


class _OfOpenAI(_Api):
    """A file of requests goes up, a batch is made of it, and files of outputs and of errors come down."""

    def submit(self, names: Sequence[str], rows: Sequence[Row]) -> str:
        content = wire.batches.lines(self._link.target, names, rows)
        with self._client(fresh=True) as client:
            source = client.files.create(file=("ppbench.jsonl", content), purpose="batch").id
            try:
                return str(client.batches.create(
                    completion_window="24h", endpoint=wire.batches.PATHS[self._link.target.dialect], input_file_id=source,
                ).id)  # fmt: skip
            except Exception as error:
                if not self._is_lost(error):
                    raise
                cause = error
        with self._client(fresh=True) as client:
            return self._found(client, source, cause)

    def _found(self, client: Any, source: str, cause: Exception) -> str:
        """The batch of a file. Raises _Lost if there is none to be seen."""
        try:
            for batch in client.batches.list(limit=NEWEST).data:
                if batch.input_file_id == source:
                    return str(batch.id)
        except Exception as error:
            raise _Lost(str(error)) from error
        raise _Lost(str(cause)) from cause

    def look(self, batch: str) -> tuple[bool, Failure | None]:
        with self._client() as client:
            told = client.batches.retrieve(batch)
        if told.status != "failed":
            return told.status in ("completed", "expired", "cancelled"), None
        first = (told.errors.data if told.errors else None) or []
        said = first[0].message if first else "the batch failed, and nobody says why"
        limited = first and "limit" in (first[0].code or "")
        kind = "rate_limit_exceeded" if limited else "invalid_request_error"
        error = {"error": {"type": kind, "message": said}}
        return True, wire.failure_in(error, target=self._link.target, key=self._link.key, status=None)

    def results(self, batch: str) -> Iterator[tuple[str, wire.Answer]]:
        with self._client() as client:
            told = client.batches.retrieve(batch)
            for name in filter(None, (told.output_file_id, told.error_file_id)):
                with client.files.with_streaming_response.content(name) as content:
                    yield from (self._read(_load(line)) for line in content.iter_lines() if line.strip())

    def cancel(self, batch: str) -> None:
        with self._client() as client:
            client.batches.cancel(batch)


class _OfAnthropic(_Api):
    """Requests go up with the batch that they make, and results come down as lines."""

    def submit(self, names: Sequence[str], rows: Sequence[Row]) -> str:
        requests = [{"custom_id": name, "params": row.body} for name, row in zip(names, rows, strict=True)]
        with self._client(fresh=True) as client:
            try:
                return str(client.messages.batches.create(requests=requests).id)
            except Exception as error:
                if self._is_lost(error):
                    raise _Lost(str(error)) from error
                raise

    def look(self, batch: str) -> tuple[bool, Failure | None]:
        with self._client() as client:
            told = client.messages.batches.retrieve(batch)
        here, there = urlsplit(self._link.target.url).netloc, urlsplit(told.results_url or "").netloc
        if there and there != here:  # the SDK would take the key there
            said = f"results of batches are at {there}, and the key is for {here}"
            return True, wire.failure("bad_reply", said, target=self._link.target, key=self._link.key)
        return told.processing_status == "ended", None

    def results(self, batch: str) -> Iterator[tuple[str, wire.Answer]]:
        with self._client() as client:
            lines = client.messages.batches.results(batch)
            with closing(lines):
                yield from (self._read(line.to_dict(warnings=False)) for line in lines)

    def cancel(self, batch: str) -> None:
        with self._client() as client:
            client.messages.batches.cancel(batch)


def _load(line: str) -> Any:
    """A line that is no JSON is none of ours."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
