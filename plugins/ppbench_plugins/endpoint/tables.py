"""What the commands of `ppbench endpoint` print: values to text. Measures nothing."""

from __future__ import annotations

from collections.abc import Sequence

from tabulate import tabulate

from ppbench_plugins.endpoint.check import Finding
from ppbench_plugins.endpoint.clock import Row

_HEADERS = ("client", "streams", "clock", "error\np50", "p99", "max", "first\np99", "skew", "requests\na second",
            "CPU s\na 1000")  # fmt: skip


def clock_table(rows: Sequence[Row], what: str) -> str:
    """One line a client and number of streams."""
    cells = [
        [row.client, f"{row.streams:,}", row.clock, _us(row.stamp_error_p50_us), _us(row.stamp_error_p99_us),
         _us(row.stamp_error_max_us), _us(row.first_error_p99_us), _us(row.skew_us), f"{row.requests_per_s:,.0f}",
         f"{row.cpu_s_per_1000:.2f}"]
        for row in rows
    ]  # fmt: skip
    table = tabulate(cells, headers=_HEADERS, disable_numparse=True, colalign=("left", "right", "left", *("right",) * 7))
    return f"{table}\n\n{what}"


def _us(value: float) -> str:
    """Microseconds in the unit that reads best."""
    if abs(value) < 1000:
        return f"{value:.0f} us" if abs(value) >= 10 else f"{value:.1f} us"
    return f"{value / 1000:.1f} ms" if abs(value) < 1_000_000 else f"{value / 1_000_000:.2f} s"


def check_table(found: Finding) -> str:
    """One line a question about the endpoint, and what to doubt."""
    lags = "its lag is unknown"
    if found.lag_p50_us is not None and found.lag_p99_us is not None:
        lags = f"reads {found.lag_p50_us:.0f} us after the kernel, p99 {found.lag_p99_us:.0f} us"
    tokens = "" if found.tokens_per_chunk is None else f", {found.tokens_per_chunk:.2f} tokens each"
    limits = ", ".join(f"{name} {value}" for name, value in sorted(found.rate_limits.items()))
    lines = [
        ("endpoint", found.endpoint),
        ("model", found.model),
        ("streams", f"{_yes(found.streams)}, {found.chunks} chunks a reply{tokens}"),
        ("usage", _yes(found.usage)),
        ("cached tokens told", _yes(found.cached_tokens)),
        ("reasoning tokens told", _yes(found.reasoning_tokens)),
        ("time to first token", _spread(found.ttft_ms, found.ttft_spread_ms)),
        ("gap between chunks", _spread(found.gap_ms, found.gap_jitter_ms)),
        ("stamps", f"by the {found.stamp.replace('user', 'engine')}; {lags}"),
        ("HTTP", f"{found.http_version}, {found.handshakes} handshakes in {found.requests} requests"),
        ("structured outputs", _yes(found.structured) + ("" if found.structured else ": use schema:structured=false")),
        ("latency model", found.latency_model or "unknown"),
        ("request ids", _yes(found.remote_ids)),
        ("rate limits told", limits or "no"),
    ]
    text = tabulate(lines, tablefmt="plain", disable_numparse=True)
    doubts = [f"Warning: {doubt}." for doubt in found.doubts] or ["Nothing here stands in the way of measuring."]
    return "\n".join([text, "", *doubts])


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _spread(value: float | None, spread: float | None) -> str:
    return "unknown" if value is None or spread is None else f"{value:.2f} ms, quartiles {spread:.2f} ms apart"
