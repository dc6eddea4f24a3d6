"""From a stored run to an entry, and from an entry to what is wrong with it. Pure: records and bytes in, bytes and lines out.

A check proves that the figures follow from the records and that the records fit together. It does not prove that anybody
measured them: only a maintainer's re-run does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from ppbench.board import consistency, entry, stripping
from ppbench.board.derived import Records, derive, differences, prices_of
from ppbench.board.entry import About
from ppbench.board.identity import OWN, board_of, suite_of
from ppbench.board.keys import in_headers, key_like
from ppbench.board.rows import Loaded
from ppbench.errors import InvalidData, PpbenchError
from ppbench.model import Item
from ppbench.prices import Prices

SHOWN = 5
"""Lines of one kind of trouble."""


def pack(
    records: Records, about: About, *, gold: Mapping[str, Item], prices: Prices, own_keys: Sequence[str] = (),
    conformance: Mapping[str, Any] | None = None,
) -> dict[str, bytes]:  # fmt: skip
    """The files of an entry. Raises InvalidData with all that is wrong if the check would refuse it."""
    try:
        kept = travelling(records)
        stated = prices_of(kept, prices)
        said = {"format": entry.FORMAT, **about.to_json(), "board": board_of(kept.run).to_json(), "prices": stated,
                **derive(kept, stated)}  # fmt: skip
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise InvalidData(f"the run cannot be scored: {error!r}; was it complete?") from None
    files = entry.written(said, kept, conformance)
    problems = check(files, gold=gold, own_keys=own_keys)
    if problems:
        raise InvalidData("\n".join(["this run cannot be an entry:", *(f"  {problem}" for problem in problems)]))
    return files


def travelling(records: Records) -> Records:
    """The records without headers and paths, and, unless they are of a bundled suite, without any text."""
    run = stripping.run_without_paths(records.run)
    trials = [stripping.without_headers(trial) for trial in records.trials]
    if suite_of(run)[0] != OWN:
        return Records(run, trials, list(records.verdicts))
    anonymous, names = stripping.anonymous(run)
    return Records(anonymous, [stripping.textless(trial, names) for trial in trials],
                   [stripping.textless_verdict(record, names) for record in records.verdicts])  # fmt: skip


def check(files: Mapping[str, bytes], *, gold: Mapping[str, Item], own_keys: Sequence[str] = ()) -> list[str]:
    """What is wrong with an entry; empty if its figures follow from its records, and these are one whole run."""
    missing = [name for name in entry.NEEDED if name not in files]
    if missing:
        return [f"incomplete: {', '.join(missing)} is missing"]
    try:
        problems = [*_secrets(files, own_keys), *entry.breaches(files)]
        return problems or list(_problems(files, gold))
    except InvalidData as error:
        return [str(error)]
    except (PpbenchError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        return [f"the records cannot be read: {type(error).__name__}: {error}"]


def opened(name: str, files: Mapping[str, bytes], verified: Mapping[str, str]) -> Loaded:
    """An entry that was checked. `verified`: by digest, who ran it again."""
    conformance = entry.document(files, entry.CONFORMANCE) if entry.CONFORMANCE in files else None
    digest = fingerprint(files)
    return Loaded(name, digest, entry.document(files, entry.ENTRY), entry.records_of(files), conformance,
                  verified.get(digest, ""))  # fmt: skip


def fingerprint(files: Mapping[str, bytes]) -> str:
    """Of everything that an entry holds; a maintainer's word is about this and nothing else."""
    parts = (f"{name} {hashlib.sha256(content).hexdigest()}\n" for name, content in sorted(files.items()))
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def _secrets(files: Mapping[str, bytes], own: Sequence[str]) -> Iterator[str]:
    for name in files:
        kind = key_like(entry.text_of(files, name), own)
        if kind:
            yield f"{name} holds what looks like {kind}; take it out at its source, and withdraw the key if it is one"


def _problems(files: Mapping[str, bytes], gold: Mapping[str, Item]) -> Iterator[str]:
    records, said = entry.records_of(files), entry.document(files, entry.ENTRY)
    if entry.CONFORMANCE in files:
        entry.document(files, entry.CONFORMANCE)
    trials = records.decoded()
    suite = suite_of(records.run)[0]
    whole = [*consistency.asked(records.run, gold), *islice(consistency.complete(records, trials, gold), SHOWN)]
    whole += islice(consistency.one_endpoint(records.run, trials), SHOWN)
    whole += islice(consistency.possible(records.run, trials), SHOWN)
    whole += islice(consistency.prompts_as_asked(trials, gold) if suite != OWN else (), SHOWN)
    whole += [f"a header of {trial['item']} ({name}) holds a long token"
              for trial in records.trials if (name := in_headers(trial["trace"]))][:SHOWN]  # fmt: skip
    if records != travelling(records):
        whole.append("the records hold headers, paths, or texts of prompts that are no bundled suite's")
    yield from whole
    if not whole:
        yield from _figures(said, records)


def _figures(said: Mapping[str, Any], records: Records) -> Iterator[str]:
    """Every number again."""
    found = {"board": board_of(records.run).to_json(), **derive(records, said["prices"])}
    yield from islice(differences({name: said.get(name) for name in found}, found), SHOWN)
    client = records.run.get("client")
    if client is None:
        yield "incomplete: run.json has no client, so the run has not ended"
    else:
        yield from islice(differences(client, found["client"], "run.json: client"), SHOWN)
