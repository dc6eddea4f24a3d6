"""The mock's tokens: a word, a mark, or one character of a script without spaces. A rule, not a tokenizer."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"\s*(?:[぀-ヿ㐀-䶿一-鿿가-힯]|\w{1,8}|[^\w\s])|\s+$")


def tokens(text: str) -> list[str]:
    """The pieces of a text; joined they are the text again."""
    return _TOKEN.findall(text)
