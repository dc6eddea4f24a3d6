"""LMSYS-Chat-1M and WildChat-1M: the first user turn of each conversation, its language, and who answered.

Moderation columns, addresses and headers of users, and the answers are never kept.
"""

from __future__ import annotations

from typing import Any

from ppbench.readers.cells import label, listed, text
from ppbench.readers.layout import Fields, Layout

LMSYS_LICENCE = "LMSYS-Chat-1M Dataset License Agreement: no redistribution"
WILDCHAT_LICENCE = "ODC-BY (WildChat-1M)"


def _first(conversation: Any) -> dict[str, Any]:
    """The first turn of the user."""
    turns = listed(conversation, "conversation")
    if not turns:
        raise ValueError("has an empty conversation")
    for turn in turns:
        if not isinstance(turn, dict):
            raise ValueError(f"a turn is an object, this is {type(turn).__name__}")
        if turn.get("role") == "user":
            return turn
    raise ValueError("no turn of the conversation is the user's")


def _layout(name: str, title: str, ident: str, licence: str, terms: str) -> Layout:
    def build(fields: Fields, _: str) -> dict[str, Any]:
        turn = _first(fields["conversation"])
        return {
            "text": text(turn.get("content"), "content"),
            "language": turn.get("language") or fields["language"],
            "source": " ".join(filter(None, [name, label(fields["number"], ident)])),
            "licence": licence,
            "model": label(fields["model"], "model"),
        }

    columns = {"conversation": ("conversation",), "language": ("language",), "model": ("model",), "number": (ident,)}
    return Layout(title=title, fields=columns, build=build, required=("conversation",), terms=terms)


LMSYS = _layout(
    "lmsys-chat-1m", "LMSYS-Chat-1M: the first user turn of each conversation", "conversation_id", LMSYS_LICENCE,
    "LMSYS-Chat-1M is under its own licence agreement: it may be used, not redistributed. Keep what is written here to "
    "yourself, and publish no prompt of it.",
)  # fmt: skip
WILDCHAT = _layout(
    "wildchat-1m", "WildChat-1M: the first user turn of each conversation", "conversation_hash", WILDCHAT_LICENCE,
    "WildChat-1M is under ODC-BY: whoever passes it on names it as the source.",
)  # fmt: skip
