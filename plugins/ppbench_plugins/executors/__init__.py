"""Executors: who sends requests and keeps the clock. Importing them loads no SDK and no engine."""

from __future__ import annotations

from typing import Any

from ppbench import hookimpl


@hookimpl
def ppbench_executors() -> list[type[Any]]:
    from ppbench_plugins.executors.batch import AnthropicBatch, OpenAIBatch
    from ppbench_plugins.executors.native import Native
    from ppbench_plugins.executors.offline import Offline
    from ppbench_plugins.executors.providers import Anthropic, OpenAI

    return [Native, Offline, OpenAI, Anthropic, OpenAIBatch, AnthropicBatch]
