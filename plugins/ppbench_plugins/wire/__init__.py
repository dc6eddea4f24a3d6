"""What goes over the wire: request bodies, events and errors of OpenAI's two dialects and of Anthropic's.

The door to the one folder to touch when a provider changes its JSON: a dialect, a module. Pure functions from values to
values; knows no socket, no clock of its own and no environment.
"""

from ppbench_plugins.wire import batches
from ppbench_plugins.wire.dialects import body
from ppbench_plugins.wire.failures import failure, failure_in, failure_of
from ppbench_plugins.wire.reading import Answer, Payload, read_body, read_events, text_of
from ppbench_plugins.wire.targets import Api, Dialect, Target, headers, resolve, split_model

__all__ = [
    "Answer", "Api", "Dialect", "Payload", "Target", "batches", "body", "failure", "failure_in", "failure_of", "headers",
    "read_body", "read_events", "resolve", "split_model", "text_of",
]  # fmt: skip
