"""The prompt texts of the built-in methods, one file each, and the literal way in which they are filled."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
_SLOT = re.compile(r"\{(\w+)\}")
_BLOCK = re.compile(r"<(?P<tag>[^<>\n]+)>\n\{(?P<slot>\w+)\}\n</(?P=tag)>")


@cache
def _text(name: str) -> str:
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8").rstrip("\n")


def fill(name: str, **values: object) -> str:
    """The prompt `name` with its slots filled in one pass; braces in the values, or of no slot, stay as they are.

    A block `<tag> ... </tag>` around a value gets another tag where the value holds the end of its own.
    """
    text = _BLOCK.sub(lambda match: _renamed(match, str(values.get(match["slot"], ""))), _text(name))
    return _SLOT.sub(lambda match: str(values.get(match[1], match[0])), text)


def block(tag: str, text: str) -> str:
    """A text between <tag> and </tag>; a tag that it could end takes another name: what is quoted is data, no markup."""
    word, _, rest = tag.partition(" ")
    while f"</{word}" in text:
        word += "_"
    named = f"{word} {rest}" if rest else word
    return f"<{named}>\n{text}\n</{named}>"


def _renamed(match: re.Match[str], value: str) -> str:
    tag, slot = match["tag"], f"{{{match['slot']}}}"
    opening = block(tag, value).partition(">")[0][1:]
    return f"<{opening}>\n{slot}\n</{opening}>"
