"""`ppbench leaderboard`: entries made from runs, entries checked, tables and the page."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from ppbench import plugins as loader
from ppbench.board import packing
from ppbench.board.derived import Records
from ppbench.board.entry import About
from ppbench.board.files import entry_folders, load, read_entry, verified, write_entry, write_files
from ppbench.board.page import site
from ppbench.board.rows import Loaded, boards
from ppbench.board.tables import BEGIN, END, markdown, put_between
from ppbench.commands.common import installed_items, plain
from ppbench.errors import InvalidData, UsageError
from ppbench.model import Item
from ppbench.prices import Prices
from ppbench.store import RunDirectory, encode_trial
from ppbench.tasks import data_dir


@click.group()
def leaderboard() -> None:
    """Pack entries, check them, and show them as tables and as a page."""


@leaderboard.command()
@click.argument("run", type=click.Path(file_okay=False))
@click.option("-o", "--output-dir", required=True, type=click.Path(file_okay=False), help="Folder of the entry; its name is "
              "the entry's.")  # fmt: skip
@click.option("--author", "authors", multiple=True, required=True, metavar="NAME", help="Who measured; repeat for more.")
@click.option("--licence", "--license", default="CC-BY-4.0", show_default=True, help="Of the entry.")
@click.option("--link", "links", multiple=True, metavar="URL", help="A page on the method; repeat for more.")
@click.option("--note", default="", help="A sentence to stand beside it.")
@click.option("--conformance", type=click.Path(dir_okay=False), metavar="FILE", help="What the conformance kit wrote.")
@click.option("--prices", type=click.Path(dir_okay=False), metavar="FILE", help="Your own prices, over the packaged ones.")
def submit(run: str, output_dir: str, conformance: str | None, prices: str | None, **about: Any) -> None:
    """Pack the stored run RUN as an entry, with its raw records.

    Headers and paths stay behind; of prompts that are no bundled suite's only hashes are left. The entry is checked as
    `check` does, and not written if anything is wrong.
    """
    directory = RunDirectory(Path(run))
    trials = json.loads(json.dumps([encode_trial(trial) for trial in directory.trials()]))  # lists for tuples
    files = packing.pack(
        Records(directory.run, trials, list(directory.verdicts())), About(**about), gold=_gold(),
        prices=Prices.load(Path(prices) if prices else None), own_keys=_own_keys(), conformance=_conformance(conformance),
    )  # fmt: skip
    write_entry(Path(output_dir), files)
    size = sum(map(len, files.values()))
    click.echo(f"{output_dir}: {size / 1024:.0f} KiB; check it with: ppbench leaderboard check {output_dir}")


@leaderboard.command()
@click.argument("entries", nargs=-1, required=True, type=click.Path(file_okay=False))
@click.option("--fingerprint", is_flag=True, help="Print what names each entry in verified.json.")
def check(entries: tuple[str, ...], fingerprint: bool) -> None:
    """Compute every number of ENTRIES again from their raw records; folders of entries may be given. Exit 5 if one fails.

    It shows that figures follow from records, and that records fit together. It cannot show that they were measured.
    """
    gold, bad, keys = _gold(), 0, _own_keys()
    folders = [folder for name in entries for folder in entry_folders(Path(name))]
    if not folders:
        raise UsageError(f"no entries in {', '.join(entries)}")
    for folder in folders:
        problems = _problems(folder, gold, keys)
        bad += bool(problems)
        click.echo(f"{folder}: {'refused' if problems else 'consistent'}")
        if fingerprint and not problems:
            click.echo(f"  {packing.fingerprint(read_entry(folder))}")
        for problem in problems:
            click.echo(f"  {plain(problem)}")
    if bad:
        raise InvalidData(f"{bad} of {len(folders)} entries refused")


def _problems(folder: Path, gold: dict[str, Item], keys: list[str]) -> list[str]:
    try:
        return packing.check(read_entry(folder), gold=gold, own_keys=keys)
    except InvalidData as error:
        return [str(error)]


@leaderboard.command()
@click.argument("entries", nargs=-1, type=click.Path(file_okay=False))
@click.option("--into", type=click.Path(dir_okay=False), metavar="FILE", help="Put them between the marks of this page "
              "instead.")  # fmt: skip
def tables(entries: tuple[str, ...], into: str | None) -> None:
    """A Markdown table for each board of ENTRIES; without any, of those that came with ppbench. Entries are checked first."""
    made = markdown(boards(_loaded(entries)))
    if into is None:
        click.echo(plain(made))
        return
    page = put_between(Path(into).read_text(encoding="utf-8"), made)
    if page is None:
        raise UsageError(f"{into} has no place for tables: a line {BEGIN} and below it {END}")
    Path(into).write_text(page, encoding="utf-8")


@leaderboard.command()
@click.argument("entries", nargs=-1, type=click.Path(file_okay=False))
@click.option("-o", "--output-dir", required=True, type=click.Path(file_okay=False), help="Folder of the site.")
def build(entries: tuple[str, ...], output_dir: str) -> None:
    """Write a static site of ENTRIES; without any, of those that came with ppbench. It opens from the disk.

    Entries are checked first. Figures are drawn by altair, which comes with `pip install 'ppbench[board]'`.
    """
    files = site(boards(_loaded(entries)))
    write_files(Path(output_dir), files)
    click.echo(f"{Path(output_dir) / 'index.html'}: {len(files['index.html']) / 1024:.0f} KiB, {len(files) - 1} more files")


def _loaded(names: tuple[str, ...]) -> list[Loaded]:
    """Entries that hold what they say. Raises InvalidData for any that does not."""
    gold, keys = _gold(), _own_keys()
    paths = [Path(name) for name in names] or [data_dir("leaderboard") / "entries"]
    found = [load(folder, verified(folder.parent)) for path in paths for folder in entry_folders(path)]
    for folder, files, _ in found:
        problems = packing.check(files, gold=gold, own_keys=keys)
        if problems:
            raise InvalidData("\n".join([f"{folder} is refused:", *(f"  {plain(problem)}" for problem in problems)]))
    if not found:
        raise UsageError("no entries; `ppbench leaderboard submit` makes one")
    return [packing.opened(folder.name, files, words) for folder, files, words in found]


def _gold() -> dict[str, Item]:
    return {item.id: item for item in installed_items(loader.load())}


def _own_keys() -> list[str]:
    """Values that must never leave this machine."""
    return [value for name, value in os.environ.items() if name.endswith("_API_KEY") and value]


def _conformance(path: str | None) -> dict[str, Any] | None:
    if path is None:
        return None
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidData(f"cannot read {path}: {error}; give what the conformance kit wrote") from None
    if not isinstance(value, dict):
        raise InvalidData(f"{path}: holds no object; give what the conformance kit wrote")
    return value
