"""The prompt texts of the built-in methods, one file each, and the literal way in which they are filled."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
_SLOT = re.compile(r"\{(\w+)\}")


@cache
def _text(name: str) -> str:
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8").rstrip("\n")


def fill(name: str, **values: object) -> str:
    """The prompt `name` with its slots filled in one pass; braces in the values, or of no slot, stay as they are."""
    return _SLOT.sub(lambda match: str(values.get(match[1], match[0])), _text(name))
