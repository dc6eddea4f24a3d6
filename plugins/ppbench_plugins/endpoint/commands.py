"""`ppbench endpoint`: commands that need the engine; they come in by entry point, as a stranger's would."""

from __future__ import annotations

import signal

import click

from ppbench_plugins.endpoint.server import MockServer


@click.group()
def endpoint() -> None:
    """Serve the mock endpoint."""


@endpoint.command()
@click.option("-m", "--model", default="mock/quick", show_default=True, help="mock/PROFILE, e.g. mock/quick?item_error=0.1.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=int, default=8100, show_default=True, help="0 takes a free one.")
@click.option("--prompts", default="", type=click.Path(dir_okay=False), help="JSONL that the mock model knows as well.")
@click.option("--certificate", default="", type=click.Path(dir_okay=False), help="PEM: certificate and chain; makes it https.")
@click.option("--key", default="", type=click.Path(dir_okay=False), help="PEM: the certificate's key, without a passphrase.")
def mock(model: str, host: str, port: int, prompts: str, certificate: str, key: str) -> None:
    """Serve the mock model, in OpenAI's and Anthropic's dialects, until interrupted."""
    server = MockServer(
        model.removeprefix("mock/"), host=host, port=port, prompts=prompts, certificate=certificate, key=key
    )  # fmt: skip
    signal.signal(signal.SIGTERM, lambda *_: server.stop())
    click.echo(f"{model} at {server.url}/v1 (OpenAI) and {server.url} (Anthropic); Ctrl-C stops it")
    try:
        server.serve()
    finally:
        server.stop()
