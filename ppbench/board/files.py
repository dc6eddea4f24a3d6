"""Entries on disk: a folder each, with files of known names. The one place of the leaderboard that reads or writes.

Knows no figure. Follows no link, and reads nothing that an entry has no use for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from ppbench.board.entry import ENTRY, NAMES
from ppbench.errors import InvalidData

VERIFIED = "verified.json"
MOST = 64 << 20
"""Bytes of one file of an entry."""
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def read_entry(folder: Path) -> dict[str, bytes]:
    """The files of an entry by name. Raises InvalidData for anything that has no place in it."""
    if not (folder / ENTRY).is_file():
        raise InvalidData(f"{folder} is no entry: it holds no {ENTRY}; `ppbench leaderboard submit` makes one")
    if not _NAME.fullmatch(folder.resolve().name):
        raise InvalidData(f"{folder}: name an entry with small letters, digits, dots and dashes, 64 at most")
    found = {}
    for file in sorted(folder.iterdir()):
        if file.name not in NAMES or file.is_symlink() or not file.is_file():
            raise InvalidData(f"{folder} holds {file.name!r}; an entry holds plain files alone: {', '.join(NAMES)}")
        if file.stat().st_size > MOST:
            raise InvalidData(f"{file} has more than {MOST >> 20} MiB; run fewer prompts or repeats in one entry")
        found[file.name] = file.read_bytes()
    return found


def write_entry(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write an entry to a folder that holds nothing. Raises InvalidData."""
    if not _NAME.fullmatch(folder.resolve().name):
        raise InvalidData(f"{folder}: name an entry with small letters, digits, dots and dashes, 64 at most")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidData(f"{folder} is there already; choose another -o, or remove it")
    write_files(folder, files)


def load(folder: Path, words: Mapping[str, str]) -> tuple[Path, dict[str, bytes], Mapping[str, str]]:
    """An entry with what maintainers say of its neighbours."""
    return folder, read_entry(folder), words


def verified(folder: Path) -> dict[str, str]:
    """Fingerprint of an entry -> who ran it again and when: `verified.json` beside the folder of entries.

    Only maintainers write it, after a run of their own; nothing in an entry can say so. Raises InvalidData.
    """
    path = folder.parent / VERIFIED
    if not path.is_file():
        return {}
    try:
        words = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InvalidData(f"{path}: is not JSON: {error}") from None
    if not isinstance(words, dict) or not all(isinstance(word, str) for word in words.values()):
        raise InvalidData(f"{path}: is no object of texts by the fingerprints of entries")
    return words


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def entry_folders(folder: Path) -> list[Path]:
    """The entries in a folder, or the folder itself if it is one."""
    if (folder / ENTRY).is_file():
        return [folder]
    if not folder.is_dir():
        raise InvalidData(f"{folder} is no folder; give an entry, or a folder of entries")
    return sorted(path for path in folder.iterdir() if path.is_dir())
