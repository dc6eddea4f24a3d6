"""`ppbench endpoint`: commands that need the engine; they come in by entry point, as a stranger's would."""

from __future__ import annotations

import json
import platform
import signal
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click

from ppbench_plugins.endpoint.server import MockServer


@click.group()
def endpoint() -> None:
    """Serve the mock endpoint; check an endpoint; check the clock."""


@endpoint.command()
@click.option("-m", "--model", default="mock/quick", show_default=True, help="mock/PROFILE, e.g. mock/quick?item_error=0.1.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8100, show_default=True, help="0 takes a free one.")
@click.option("--prompts", default="", type=click.Path(dir_okay=False), help="JSONL that the mock model knows as well.")
@click.option("--certificate", default="", type=click.Path(dir_okay=False), help="PEM: certificate and chain; makes it https.")
@click.option("--key", default="", type=click.Path(dir_okay=False), help="PEM: the certificate's key, without a passphrase.")
@click.option("--batches", default="", metavar="TEXT", help="How batches go on: polls=N before one has ended, and of the "
              "first rows errored=N and expired=N.")  # fmt: skip
def mock(model: str, **options: Any) -> None:
    """Serve the mock model, in OpenAI's two dialects and Anthropic's, and both batch APIs, until interrupted."""
    server = MockServer(model.removeprefix("mock/"), **options)
    signal.signal(signal.SIGTERM, lambda *_: server.stop())
    click.echo(f"{model} at {server.url}/v1 (OpenAI) and {server.url} (Anthropic); Ctrl-C stops it")
    try:
        server.serve()
    finally:
        server.stop()


@endpoint.command()
@click.option("--streams", multiple=True, type=click.IntRange(1, 4096), default=(1, 16, 64, 256, 1024), show_default=True,
              help="Concurrent streams; repeat for more rows.")  # fmt: skip
@click.option(
    "--client", "clients", multiple=True, help="native, openai, anthropic or aiohttp; repeat. All that are installed."
)
@click.option("--chunks", type=click.IntRange(2, 1000), default=32, show_default=True, help="Chunks a stream.")
@click.option("--gap-ms", type=click.FloatRange(0.1, 10_000), default=20.0, show_default=True, help="Between two chunks.")
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON.")
def clock(streams: Sequence[int], clients: Sequence[str], chunks: int, gap_ms: float, as_json: bool) -> None:
    """Measure how far clients' stamps are from the truth, on this machine, over loopback.

    A server writes into each chunk when it sent it; the error of a stamp is the stamp minus that.
    """
    from ppbench_plugins.endpoint.clients import check_names
    from ppbench_plugins.endpoint.clock import rows
    from ppbench_plugins.endpoint.metronome import Beat
    from ppbench_plugins.endpoint.tables import clock_table

    names = check_names(clients)
    found = []
    for row in rows(names, streams, Beat(chunks, round(gap_ms * 1000))):
        found.append(row)
        click.echo(f"{row.client}, {row.streams} streams: p99 {row.stamp_error_p99_us:.1f} us", err=True)
    if as_json:
        where = {"platform": platform.platform(), "python": platform.python_version()}
        click.echo(json.dumps({"rows": [asdict(row) for row in found], "chunks": chunks, "gap_ms": gap_ms, **where}, indent=2))
    else:
        click.echo(
            clock_table(
                found,
                f"{chunks} chunks, {gap_ms:g} ms apart. Error: a client's stamp minus the server's.\n"
                "Skew: first to last arrival of streams sent together. Requests a second: of one chunk, as many\n"
                "in flight. Other work on this machine shows in all of it, least in kernel stamps.",
            )
        )


@endpoint.command()
@click.argument("model")
@click.option("--base-url", default="", metavar="URL", help="Endpoint, e.g. http://127.0.0.1:8000/v1.")
@click.option("-n", "--requests", type=click.IntRange(2, 1000), default=8, show_default=True, help="Questions to ask.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def check(model: str, base_url: str, requests: int, as_json: bool) -> None:
    """Say what can be measured of MODEL (provider/name): asks a few short questions, one after another."""
    from ppbench_plugins.endpoint.check import check as ask
    from ppbench_plugins.endpoint.tables import check_table
    from ppbench_plugins.executors.native import Native

    found = ask(Native(model=model, base_url=base_url), requests)
    if as_json:
        click.echo(json.dumps({**asdict(found), "latency_model": found.latency_model, "doubts": found.doubts}, indent=2))
    else:
        click.echo(check_table(found))
