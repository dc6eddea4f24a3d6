"""`python -m bench`: measures every client in a process of its own, interleaved and shuffled, and prints the tables."""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

from bench import table
from bench.figures import TASKS, Task
from bench.measures import Asked, Numbers
from bench.processes import BARE, ROOT, SERVER, cores, issue, neighbour, pinned, servers

README = Path(__file__).with_name("README.md")
Taken = dict[tuple[str, str], list[Numbers]]


def main() -> None:
    asked = _arguments()
    before = table.machine()
    tasks = [task for task in TASKS if not asked.task or task.name in asked.task]
    with tempfile.TemporaryDirectory() as folder:
        taken = _take_all(tasks, asked, Path(folder))
    text = _text(taken, before, asked)
    found = {"rows": table.rows(taken), "machine": before, "taken": [[*key, numbers] for key, numbers in taken.items()]}
    print(json.dumps(found, indent=2) if asked.json else text)
    if asked.write:
        table.put(README, text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="little of each, once: to see that it works")
    parser.add_argument("--task", action="append", choices=[task.name for task in TASKS], help="repeat; all if none is given")
    parser.add_argument("--trials", type=int, nargs="+", default=[2_000, 20_000], help="of the runs whose memory is compared")
    parser.add_argument("--seed", type=int, default=1, help="of the order")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true", help="put the tables into README.md")
    return parser.parse_args()


def _take_all(tasks: Sequence[Task], asked: argparse.Namespace, folder: Path) -> Taken:
    """Every task for every client, in another order each time. One that fails is told, and left out."""
    kinds = {task.server for task in tasks}
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "native")}
    os.environ["PYTHONPATH"] = environment["PYTHONPATH"]
    if kinds & {"tls", "http2"}:
        environment["SSL_CERT_FILE"] = str(issue(folder))
    taken: Taken = {}
    with servers(folder, [kind for kind in kinds if kind]) as urls:
        for task, client in _order(tasks, asked):
            if (url := urls.get(task.server, "")) or not task.server:
                numbers = _measured_apart(task, client, url, asked, environment)
                if numbers:
                    taken.setdefault((task.name, client), []).append(numbers)
    return taken


def _order(tasks: Sequence[Task], asked: argparse.Namespace) -> Iterator[tuple[Task, str]]:
    """Clients of a task back to back, in an order of their own."""
    dice = random.Random(asked.seed)
    for repetition in range(1 if asked.quick else asked.repetitions):
        for task in dice.sample(tasks, len(tasks)):
            if task.name == "growth" and repetition:
                continue  # a peak of memory does not vary, and takes long
            yield from ((task, client) for client in dice.sample(task.clients, len(task.clients)) if _is_here(client))


def _is_here(client: str) -> bool:
    if client == "bare":
        return BARE.exists() and SERVER.exists()
    return client != "aiohttp" or bool(find_spec("aiohttp") and find_spec("uvloop"))


def _measured_apart(
    task: Task, client: str, url: str, asked: argparse.Namespace, environment: Mapping[str, str]
) -> Numbers | None:
    words = Asked(task.measure, client, url, task.streams, task.hog, asked.quick, tuple(asked.trials))
    _, core = cores()
    where = sorted(os.sched_getaffinity(0)) if task.free else core
    command = [sys.executable, "-m", "bench.worker", json.dumps(asdict(words))]
    with neighbour(core) if task.neighbour else nullcontext():
        done = subprocess.run(command, env=environment, capture_output=True, text=True, preexec_fn=pinned(where), check=False)
    if done.returncode != 0:
        why = (done.stderr.strip().splitlines() or ["no word on why"])[-1]
        print(f"{task.name}, {client}: failed: {why}", file=sys.stderr)
        return None
    numbers: Numbers = json.loads(done.stdout)
    print(f"{task.name}, {client}: {', '.join(f'{k} {v:.4g}' for k, v in numbers.items())}", file=sys.stderr)
    return numbers


def _text(taken: Taken, before: Mapping[str, object], asked: argparse.Namespace) -> str:
    times = 1 if asked.quick else asked.repetitions
    where = "{cpu}, {cores} cores, Linux {kernel}, Python {python}, load {load} when it began".format(**before)
    parts = [f"Medians of {times} interleaved, shuffled repetitions. {where}.", table.main_table(table.rows(taken)),
             table.waking_line(taken), table.http2_table(taken), table.growth_table(taken)]  # fmt: skip
    return "\n\n".join(part for part in parts if part)


if __name__ == "__main__":
    main()
