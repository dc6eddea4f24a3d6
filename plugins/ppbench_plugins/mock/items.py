"""Which prompts the mock model knows: the packaged ones of all installed categories, and a file of the user's."""

from __future__ import annotations

from ppbench import Item, installed_categories, load_items


def known_items(prompts: str = "") -> list[Item]:
    """Good rows alone; a file's bad rows are the business of who runs it."""
    paths = [*(c.prompts for c in installed_categories() if c.prompts), *([prompts] if prompts else [])]
    return [item for path in paths for item in load_items(path)[0]]
