"""`ppbench curate` by a model: what is asked and paid for, on sockets and the mock; kills, budgets, limits, failures."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ppbench import Reply, Request, Script, VirtualExecutor
from ppbench.cli import main
from ppbench_plugins.curation.asking import Asking
from ppbench_plugins.curation.journal import Journal
from ppbench_plugins.curation.logs import Limits as Sizes
from ppbench_plugins.curation.models import Manner, Planner
from ppbench_plugins.curation.pipeline import Pipeline
from ppbench_plugins.curation.progress import Progress
from ppbench_plugins.curation.rows import Row
from ppbench_plugins.curation.spending import Budget, Spending, used

PROGRAM = [sys.executable, "-c", "from ppbench.cli import main; main()"]
SETS = ("accepted.jsonl", "rejected.jsonl")
SECOND = 1_000_000_000
ROWS = 40
PRICE = {"mock/quick": {"input": 1.0, "output": 2.0, "as_of": "2026-01-01", "source": "a test"},
         "openai/x": {"input": 1.0, "output": 2.0, "as_of": "2026-01-01", "source": "a test"}}  # fmt: skip


def text_of(number: int) -> str:
    return f"Translate into German: tree{number}, stone{number}, cloud{number}"


def said(number: int) -> str:
    """What a model says of row so and so."""
    data = [f"tree{number}", f"stone{number}", f"cloud{number}"]
    about = {"parallelizable": True, "category": "Translation", "is_novel_category": False, "category_description": None}
    return json.dumps({**about, "template": "Translate into German: {data}", "context": None, "n": None, "data": data})


def clumsy(number: int, asked: str) -> str:
    """The same; of each fifth row only when it is asked again."""
    return "Sure! {" if number % 5 == 0 and "An earlier reply" not in asked else said(number)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    lines = [json.dumps({"prompt": text_of(number), "lang": "en"}) for number in range(1, ROWS + 1)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "prices.json").write_text(json.dumps(PRICE), encoding="utf-8")
    return path


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


# On a virtual clock


def sitting(log: Path, respond: Callable[[Request, int], Script], budget: Budget = Budget(), **manner: Any) -> Planner:
    """One sitting over the log, with an executor that answers as `respond` says."""
    folder = log.parent / "out"
    journal = Journal(folder) if folder.exists() else Journal.create(folder, {})
    planner = Planner(VirtualExecutor(respond), journal, Spending(budget, "openai/x"), Manner(**manner))  # type: ignore[arg-type]
    with journal.writing():
        planner.settle(Pipeline(log, Sizes(), journal, Progress(0, quiet=True)))
    return planner


def number_in(text: str) -> int:
    [number] = set(re.findall(r"tree(\d+)", text.rpartition("<request>")[2]))
    return int(number)


class Model:
    """Answers after a second, and remembers what it was asked and when."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, Request]] = []

    def __call__(self, request: Request, now_ns: int) -> Script:
        self.asked.append((now_ns, request))
        reply = clumsy(number_in(request.text), request.text)
        return Script(((SECOND, reply),), SECOND, tokens_in=100, tokens_out=50)


def test_a_reply_that_cannot_be_used_is_asked_for_once_more(log: Path) -> None:
    """With the reason; what is paid for is written down, each reply once."""
    model = Model()
    planner = sitting(log, model, Budget(prices=str(log.parent / "prices.json")))
    again = [request for _, request in model.asked if "An earlier reply" in request.text]

    assert len(model.asked) == ROWS + ROWS // 5
    assert len(again) == ROWS // 5
    assert all("no whole JSON object" in request.text for request in again)
    assert (planner.spending.replies, planner.spending.tokens) == (48, 48 * 150)
    assert planner.spending.usd == pytest.approx(48 * (100 * 1 + 50 * 2) / 1e6)
    assert len(planner.journal.settled) == ROWS


def test_limits_of_requests_a_minute_are_kept(log: Path) -> None:
    """Of any sixty seconds none holds more than the limit."""
    model = Model()
    sitting(log, model, max_rpm=10)
    sent = [at for at, _ in model.asked]

    assert all(later - first >= 60 * SECOND for first, later in zip(sent, sent[10:], strict=False))


def test_limits_of_tokens_a_minute_are_kept(log: Path) -> None:
    """What all replies used takes as many minutes as it must."""
    model = Model()
    sitting(log, model, max_tpm=3000, max_tokens=500)

    assert model.asked[-1][0] > 2 * 60 * SECOND


def test_a_second_sitting_asks_what_the_first_did_not(log: Path) -> None:
    """A budget of money ends the first; the second spends the rest, and both together ask each question once."""
    first, second = Model(), Model()
    with pytest.raises(Exception, match="may exceed --max-cost"):
        sitting(log, first, Budget(usd=0.003, prices=str(log.parent / "prices.json")), width=4)
    planner = sitting(log, second, Budget(usd=1.0, prices=str(log.parent / "prices.json")))
    asked = Counter(request.text for _, request in [*first.asked, *second.asked])

    assert len(first.asked) * 200 / 1e6 <= 0.003 + 200 / 1e6  # a second question of a row that was begun may come on top
    assert set(asked.values()) == {1}
    assert planner.spending.replies == len(asked) == ROWS + ROWS // 5


def test_a_reply_to_the_first_question_is_not_paid_for_again(log: Path) -> None:
    """A sitting that ended between a row's two questions is gone on with at the second."""
    model = Model()
    sitting(log, model)
    replies = log.parent / "out/replies.jsonl"
    kept = [line for line in replies.read_text(encoding="utf-8").splitlines() if "extract-again" not in line]
    replies.write_text("\n".join(kept) + "\n", encoding="utf-8")
    (log.parent / "out/settled.jsonl").unlink()
    later = Model()
    sitting(log, later)

    assert len(later.asked) == ROWS // 5
    assert all("An earlier reply" in request.text for _, request in later.asked)


def test_a_row_without_an_answer_stays_open(log: Path) -> None:
    """It is refused for now, and asked about in the next sitting."""
    from ppbench import Failure

    def shaky(request: Request, now_ns: int) -> Script:
        if number_in(request.text) == 7:
            return Script(done_ns=SECOND, error=Failure("bad_request", "no"))
        return Script(((SECOND, said(number_in(request.text))),), SECOND, tokens_in=10, tokens_out=10)

    planner = sitting(log, shaky)
    assert [(one.row, one.fields["reason"]) for one in planner.failed] == [
        (7, "no answer: call extract failed: bad_request: no")
    ]
    assert 7 not in planner.journal.settled
    model = Model()
    sitting(log, model)
    assert [number_in(request.text) for _, request in model.asked] == [7]


def test_a_reply_without_usage_is_guessed_and_a_refusal_costs_nothing() -> None:
    """Four bytes a token."""
    from ppbench import Failure

    assert used(Reply("a", "x" * 40), "y" * 80) == {"tokens_in": 20, "tokens_out": 10, "tokens_cached": 0}
    assert sum(used(Reply("a", error=Failure("rate_limit", "later")), "y" * 80).values()) == 0


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ('{"template": "T {data}", "data": ["tree1", "wolf"]}', "not in the prompt"),
        ('{"template": "T {data}", "data": ["tree1", "tree1"]}', "data holds an item twice"),
        ('{"template": "T", "n": 40, "data": null}', "the prompt does not say that there are 40"),
        ("I cannot do that.", "no whole JSON object"),
    ],
)
def test_a_reply_that_stays_useless_is_refused_by_the_validation(reply: str, reason: str) -> None:
    """After two questions, with the reason of the second."""
    asking = Asking(Row(1, "r", text_of(1), "en"))
    asking.take(reply)
    assert asking.planned is None
    asking.take(reply)

    assert asking.planned is not None
    assert asking.planned.broken
    assert reason in asking.planned.reason


def test_names_are_asked_about_as_people() -> None:
    """A placeholder reaches no model, and a split of it holds the name that the prompt was given."""
    asking = Asking(Row(1, "r", "Write to NAME_1 and NAME_2.", "en"))
    assert "NAME_" not in str(asking.call.text).rpartition("<request>")[2]


# On sockets, in processes of their own


class Counting(ThreadingHTTPServer):
    """An endpoint that counts what it answers, and from some request on answers nothing until it is told to."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, first: int) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.first, self.width = first, 4
        self.received = 0
        self.answered: Counter[str] = Counter()
        self.stuck, self.go_on = threading.Event(), threading.Event()
        self.lock = threading.Lock()

    def admit(self) -> None:
        with self.lock:
            self.received += 1
            number = self.received
            if number == self.first + self.width:
                self.stuck.set()
        if number > self.first:
            self.go_on.wait(60)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no error."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Counting

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        text = body["messages"][-1]["content"]
        held = not self.server.go_on.is_set()
        self.server.admit()
        if held and self.server.go_on.is_set():
            self.close_connection = True  # its client is gone
            return
        with self.server.lock:
            self.server.answered[text] += 1
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        choice = {"index": 0, "delta": {"content": clumsy(number_in(text), text)}, "finish_reason": None}
        end = {"index": 0, "delta": {}, "finish_reason": "stop"}
        events = [{"choices": [choice]}, {"choices": [end]}, {"choices": [], "usage": usage}]
        data = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data.encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Says nothing."""


@pytest.fixture
def endpoint() -> Iterator[Counting]:
    with Counting(first=25) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.go_on.set()
        server.shutdown()
        thread.join()


def test_after_a_kill_nothing_is_lost_and_nothing_paid_for_twice(
    log: Path, endpoint: Counting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kill -9 while four requests are in flight: those alone are asked again, and each row is settled once."""
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    url = f"http://127.0.0.1:{endpoint.server_address[1]}/v1"
    words = [*PROGRAM, "curate", str(log), "-o", str(tmp_path / "out"), "-q", "-e", "openai", "-m", "openai/x"]
    with subprocess.Popen([*words, "--base-url", url, "-j", str(endpoint.width)], stderr=subprocess.PIPE, text=True) as process:
        assert endpoint.stuck.wait(60)
        process.send_signal(signal.SIGKILL)
    paid_before = sum(endpoint.answered.values())
    endpoint.go_on.set()
    done = subprocess.run(
        [*PROGRAM, "curate", "--resume", str(tmp_path / "out"), "-q"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert paid_before == 25
    assert set(endpoint.answered.values()) == {1}
    assert len(endpoint.answered) == ROWS + ROWS // 5
    assert [row["row"] for row in rows(tmp_path / "out/accepted.jsonl")] == list(range(1, ROWS + 1))
    keys = [record["key"] for record in rows(tmp_path / "out/replies.jsonl")]
    assert len(keys) == len(set(keys)) == ROWS + ROWS // 5


# The command


@pytest.fixture
def ppbench(log: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    monkeypatch.chdir(log.parent)

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["ppbench", "curate", *words])
        code: int | str | None = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code
        shown = capsys.readouterr()
        return int(code or 0), shown.out, shown.err

    return run


MOCK = ("-e", "offline", "-m", "mock/quick", "-q")


def test_the_mock_plans_and_the_figures_say_so(ppbench: Callable[..., Any], tmp_path: Path) -> None:
    """All rows are settled, what was used is told, and that a mock found the parts."""
    code, out, _ = ppbench("log.jsonl", "-o", "out", *MOCK)

    assert code == 0
    assert "mock figures show that the tool works" in out
    assert sum(len(rows(tmp_path / "out" / name)) for name in SETS) == ROWS


def test_a_budget_ends_with_4_and_can_be_gone_on_with(ppbench: Callable[..., Any], tmp_path: Path) -> None:
    """Money or tokens; both sittings together write what one with enough of it writes."""
    ppbench("log.jsonl", "-o", "whole", *MOCK)
    code, _, err = ppbench("log.jsonl", "-o", "out", *MOCK, "--max-total-tokens", "40000")
    assert code == 4
    assert "Go on with: ppbench curate --resume out --max-total-tokens 80000" in err
    code, _, err = ppbench("--resume", "out", "-q", "--max-cost", "0.0001", "--prices", "prices.json")
    assert (code, "may exceed --max-cost 0.0001" in err) == (4, True)
    assert ppbench("--resume", "out", "-q")[0] == 0

    assert [(tmp_path / "out" / name).read_bytes() for name in SETS] == [
        (tmp_path / "whole" / name).read_bytes() for name in SETS
    ]


def test_a_budget_that_cannot_be_kept_is_refused(ppbench: Callable[..., Any]) -> None:
    """Before anything is sent: a model without a price."""
    code, _, err = ppbench("log.jsonl", "-o", "out", "-m", "nobody/x", "-e", "openai", "--max-cost", "1")
    assert code == 2
    assert "the price of nobody/x is not known" in err


def test_an_endpoint_that_is_not_there_ends_the_sitting(ppbench: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """After a few rows; nothing was paid, so nothing is left, and none is said to be."""
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    words = ("-e", "openai", "-m", "openai/x", "--base-url", "http://127.0.0.1:9/v1", "--max-tries", "1", "-q")
    code, _, err = ppbench("log.jsonl", "-o", "out", *words)
    assert code == 7
    assert "kept" not in err
    assert not Path("out").exists()
