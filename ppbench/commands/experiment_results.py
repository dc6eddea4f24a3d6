"""What `ppbench experiment` makes of stored runs: tables, CSV, figures, the page. Sends nothing, and can be done again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ppbench import paper
from ppbench.errors import InvalidData
from ppbench.experiments import figures, page, points, shares, tables
from ppbench.health import health
from ppbench.report import doubts
from ppbench.score import score
from ppbench.store import RunDirectory
from ppbench.tasks import load_rows


@dataclass(frozen=True)
class Shown:
    """An experiment's results: for a terminal, as data, and as a part of the page."""

    text: str
    data: dict[str, Any]
    part: page.Part | None = None


def part_folder(folder: Path, name: str, part: str) -> Path:
    """A lone experiment lies in its folder, the parts of `paper` in folders of their own."""
    return folder / part if name == "paper" else folder


def make(folder: Path, name: str, asked: Mapping[str, Any]) -> Shown:
    """Write what follows from an experiment's runs, and give it back."""
    if name == "vary-n":
        return _vary_n(folder)
    if name == "end-to-end":
        return _end_to_end(folder)
    return _paper(folder, asked)


def _vary_n(folder: Path) -> Shown:
    directory = RunDirectory(folder / "run")
    run = directory.run
    asked = _asked(folder / "prompts.jsonl", run)
    found = points.points(run, asked, directory.trials(), directory.verdicts())
    fits, rows = points.fits(found, run["seed"]), points.by_n(found, run["seed"])
    categories = ", ".join(sorted({item["category"] for item in run["items"]}))
    drawn = _draw(folder, "vary-n", lambda: figures.vary_n(found, fits, f"{categories}: {_where(run)}"))
    (folder / "vary-n.csv").write_text(points.to_csv(found), encoding="utf-8")
    files = [f"{folder / 'vary-n'}.{ending}" for ending in ("csv", *drawn)]
    warnings = _warnings(directory)
    fitted, at_n = tables.turned(tables.FIT_HEADERS, tables.fit_cells(fits)), tables.n_cells(rows)
    text = [tables.render(*fitted), "", tables.render(tables.N_HEADERS, at_n), "", *tables.VARY_NOTES,
            *_end(run, warnings, files, directory)]  # fmt: skip
    data = {"experiment": "vary-n", "run": str(directory.path), "endpoint": run["endpoint"], "timing": run["timing"],
            **tables.vary_json(fits, rows), "warnings": warnings, "files": files}  # fmt: skip
    both = [page.Table(*fitted), page.Table(tables.N_HEADERS, at_n)]
    return Shown("\n".join(text), data, _part(run, both, drawn, warnings, [*files, str(directory.path)], folder))


def _end_to_end(folder: Path) -> Shown:
    directory = RunDirectory(folder / "run")
    run = directory.run
    rows = shares.rows(run, directory.trials(), run["seed"])
    drawn = _draw(folder, "end-to-end", lambda: figures.shares(rows, _where(run)))
    files = [f"{folder / 'end-to-end'}.{ending}" for ending in drawn]
    warnings = _warnings(directory)
    shown = tables.turned(tables.SHARE_HEADERS, tables.share_cells(rows))
    text = [tables.render(*shown), "", *tables.SHARE_NOTES, *_end(run, warnings, files, directory)]
    data = {"experiment": "end-to-end", "run": str(directory.path), "endpoint": run["endpoint"], "timing": run["timing"],
            **tables.share_json(rows), "warnings": warnings, "files": files}  # fmt: skip
    part = _part(run, [page.Table(*shown)], drawn, warnings, [*files, str(directory.path)], folder)
    return Shown("\n".join(text), data, part)


def _paper(folder: Path, asked: Mapping[str, Any]) -> Shown:
    """Both, the table by category from the prompts of the second, and the page."""
    varied, ended = _vary_n(folder / "vary-n"), _end_to_end(folder / "end-to-end")
    assert varied.part is not None
    assert ended.part is not None
    directory = RunDirectory(folder / "end-to-end" / "run")
    run = directory.run
    table, _, notes = paper.render(run, directory.trials(), style="html").partition("\n\n")
    terminal = paper.render(run, directory.trials())
    made = page.Page(run["timing"] == "modelled", table, notes, varied.part, ended.part, _command(asked))
    target = folder / "index.html"
    target.write_text(page.render(made), encoding="utf-8")
    text = ["By category", "", terminal, "", "Vary n", "", varied.text, "", "End to end", "", ended.text, "", f"Page: {target}"]
    return Shown("\n".join(text), {"experiment": "paper", "page": str(target), "vary_n": varied.data, "end_to_end": ended.data})


def _command(asked: Mapping[str, Any]) -> str:
    """What to type for the same again; an address may hold a secret, and is left out."""
    words = ["ppbench", "experiment", "paper", "-e", asked["executor"]]
    named = {"-m": "model", "--vary-task": "task", "--counts": "counts", "--prompts": "prompts", "--language": "language",
             "-n": "limit", "--repeats": "repeats", "--seed": "seed"}  # fmt: skip
    words += [word for option, key in named.items() if asked[key] is not None for word in (option, str(asked[key]))]
    words += [
        word for option, key in (("-t", "tasks"), ("-d", "decomposers")) for value in asked[key] for word in (option, value)
    ]
    return shlex.join(words)


def _asked(prompts: Path, run: Mapping[str, Any]) -> dict[str, int]:
    """Item id -> n, as the experiment wrote them down. Raises InvalidData for a file that was changed since."""

    def read(where: str, row: Mapping[str, Any]) -> tuple[str, int]:
        if not isinstance(row.get("id"), str) or not isinstance(row.get("asked"), int):
            raise ValueError(f"{where}: has no id, or no number asked for")
        return row["id"], row["asked"]

    rows, problems = load_rows(prompts, read)
    known = dict(rows)
    gone = [item["id"] for item in run["items"] if item["id"] not in known]
    if problems or gone:
        what = problems[0] if problems else f"{prompts}: lacks {gone[0]}"
        raise InvalidData(f"{what}; the prompts of this experiment were changed, start a new one")
    return known


def _where(run: Mapping[str, Any]) -> str:
    modelled = ", modelled" if run["timing"] == "modelled" else ""
    return f"{run['executor'].partition(':')[0]} on {run['endpoint']}{modelled}"


def _draw(folder: Path, name: str, draw: Any) -> dict[str, bytes]:
    drawn: dict[str, bytes] = draw() if figures.available() else {}
    for ending, content in drawn.items():
        (folder / f"{name}.{ending}").write_bytes(content)
    return drawn


def _warnings(directory: RunDirectory) -> list[str]:
    """What a reader should know before believing the figures, as for any run."""
    run = directory.run
    return doubts(run, score(run, directory.trials(), directory.verdicts()), health(directory.trials()))


def _end(run: Mapping[str, Any], warnings: Sequence[str], files: Sequence[str], directory: RunDirectory) -> list[str]:
    missing = [] if figures.available() else [figures.INSTALL]
    return [*tables.provenance(run), *(f"Warning: {warning}" for warning in warnings), *missing,
            f"Written: {', '.join(files) or 'nothing'}", f"Run: {directory.path}"]  # fmt: skip


def _part(
    run: Mapping[str, Any], shown: Sequence[page.Table], drawn: Mapping[str, bytes], warnings: Sequence[str],
    files: Sequence[str], folder: Path,
) -> page.Part:  # fmt: skip
    """For the page, whose readers have its folder and not this machine: files are named from there."""
    lines = [*tables.provenance(run), *(f"Warning: {warning}" for warning in warnings)]
    named = [Path(file).relative_to(folder.parent).as_posix() for file in files]
    return page.Part(lines, shown, drawn.get("svg"), figures.INSTALL, named)
