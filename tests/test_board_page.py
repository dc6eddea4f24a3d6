"""The page of a leaderboard: it opens from the disk, fetches nothing, keeps its state in its address, and runs no text."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ppbench.board import packing, page, parts
from ppbench.board.derived import Records
from ppbench.board.files import entry_folders, read_entry, write_files
from ppbench.board.rows import Loaded, boards
from ppbench.board.samples import quoted
from ppbench.cli import main

pytest.importorskip("altair")
pytest.importorskip("vl_convert")
ROOT = Path(__file__).parents[1]
LOADED = [packing.opened(folder.name, read_entry(folder), {}) for folder in entry_folders(ROOT / "leaderboard/entries")]
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome") or ""
browser = pytest.mark.skipif(not BROWSER, reason="no Chromium on this machine")
HOSTILE = (
    "</script><script>document.title='pwned'</script><img src=x onerror=document.title='pwned'>"
    "<svg/onload=document.title='pwned'> javascript:alert(1) &lt;b&gt; \u2028 \u202e ]]>--> ${1} \\u003cb>"
)
SPEC = 'sot:style="<img src=x onerror=document.title=1>"'


class Tags(HTMLParser):
    """Names of tags, and every address and handler in them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


def hostile(entry: Loaded) -> Loaded:
    """Every text of an entry that its authors, its prompts and its models wrote is a string that wants to run."""

    def turned(value: object, key: str = "") -> object:
        if isinstance(value, dict):
            return {turned(k, "key"): turned(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [turned(one, key) for one in value]
        texts = ("text", "answer", "reason", "failure", "parts", "licence", "authors", "note", "endpoint", "judge")
        return SPEC if value == "sot" else HOSTILE if key in texts and isinstance(value, str) else value

    run, trials, verdicts, said = json.loads(
        json.dumps([entry.records.run, entry.records.trials, entry.records.verdicts, entry.said])
    )
    by = {"category": {HOSTILE if name == "translation" else name: rows for name, rows in said["by"]["category"].items()}}
    said = turned({**said, "by": {**said["by"], **by}, "links": ["javascript:alert(1)", "https://example.org/?a=1&b=<"]})
    assert isinstance(said, dict)
    said["board"] = {**said["board"], "model": HOSTILE}
    return replace(entry, name=HOSTILE, said=said, conformance={"passed": HOSTILE},
                   records=Records(turned(run), turned(trials), turned(verdicts)))  # type: ignore[arg-type]  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    sys.argv = ["ppbench", "leaderboard", "build", "-o", str(folder)]
    main()
    return folder


@pytest.fixture(scope="module")
def hostile_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    write_files(folder, page.site(boards([hostile(next(e for e in LOADED if e.name == "mock-methods"))])))
    return folder


@pytest.fixture
def dom(tmp_path: Path) -> Callable[[Path, str], str]:
    """What a browser has made of a page, under a state in its address."""

    def dump(folder: Path, state: str = "") -> str:
        options = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            f"--user-data-dir={tmp_path}/p",
        ]
        command = [BROWSER, *options, "--virtual-time-budget=5000", "--dump-dom", f"{(folder / 'index.html').as_uri()}#{state}"]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout

    return dump


def test_the_site_is_small_and_fetches_nothing(site: Path) -> None:
    """The first page has all but the samples, which are a script file for each entry; nothing leads away but authors' links."""
    text = (site / "index.html").read_text(encoding="utf-8")
    assert len(text.encode()) < 1_500_000
    assert sorted(path.name for path in (site / "samples").iterdir()) == ["0.js", "1.js"]
    tags = Tags(text)
    assert {value for name, value in tags.attributes if name in ("src", "href")} <= {"#main", "index.html"}
    assert "default-src 'none'" in text
    assert {"iframe", "img", "link", "object", "form"}.isdisjoint(tags.names)
    assert tags.names.count("script") == 1


def test_every_part_of_a_board_is_on_its_page(site: Path) -> None:
    """Sections with headings, figures with a name, tables with row and column headings, controls with labels."""
    text = (site / "index.html").read_text(encoding="utf-8")
    tags = Tags(text)
    sections = ["frontier", "table", "tradeoff", "heat", "size", "cards", "samples"]
    assert [value for name, value in tags.attributes if name == "id" and value in sections] == sections
    assert len(re.findall(r'<svg[^>]* role="figure" aria-label="[^"]+"', text)) == 3
    assert tags.names.count("caption") == 1 + 4
    assert tags.names.count("details") == 11
    assert "ppbench run -d top -e offline --suite smoke --judge structure --judge reference" in text
    assert "Mock figures show that the tool works" in text


def test_boards_have_a_page_each_and_the_real_one_comes_first() -> None:
    """The mock's rows are not on it."""
    [first, second] = LOADED
    real = replace(second, said={**second.said, "board": {**second.said["board"], "mock": False, "model": "other/m"}})
    files = page.site(boards([first, real]))
    assert sorted(files) == ["board-2.html", "index.html", "samples/0.js", "samples/1.js"]
    front = files["index.html"].decode()
    assert "other/m" in front
    assert "randomsplit" not in front
    assert 'href="board-2.html"' in front


def test_text_within_a_script_cannot_end_it() -> None:
    """A sample's file holds ASCII alone, and no character with which markup begins; its value comes back as it was."""
    made = quoted({"__proto__": HOSTILE, "half": "\ud800"})
    assert made.isascii()
    assert not set("<>&") & set(made)
    assert json.loads(made) == {"__proto__": HOSTILE, "half": "\ud800"}


def test_only_addresses_of_the_web_become_links() -> None:
    [row] = [row for rows in boards([hostile(LOADED[1])]).values() for row in rows if row.spec == "top"]
    found = [value for name, value in Tags(parts.card(row)).attributes if name == "href"]
    assert found == ["https://example.org/?a=1&b=<"]


@browser
def test_no_text_of_an_entry_runs(hostile_site: Path, dom: Callable[[Path, str], str]) -> None:
    """In a real browser, with a sample open: hostile names, notes, prompts, answers and verdicts are shown as text."""
    state = f"entry=0&prompt=tr-001&method={SPEC.replace('=', '%3D').replace(' ', '%20')}"
    shown = dom(hostile_site, state)
    tags = Tags(shown)
    assert "Calls over time" in shown
    assert "pwned" not in re.search(r"<title>(.*?)</title>", shown, re.DOTALL)[1].replace("document.title='pwned'", "")  # type: ignore[index]
    assert {"img", "b", "iframe"}.isdisjoint(tags.names)
    assert tags.names.count("script") == 2  # the page's own, and that of the samples
    assert not [name for name, _ in tags.attributes if name.startswith("on")]
    assert shown.count("&lt;img src=x onerror=document.title='pwned'&gt;") > 8


@browser
def test_the_state_of_the_page_is_in_its_address(site: Path, dom: Callable[[Path, str], str]) -> None:
    """Sorted, filtered, in the dark, a sample open: as the address says; and without a state as it was built."""
    shown = dom(site, "sort=speed&up=1&greys=0&theme=dark&entry=1&prompt=tr-001&method=sot")
    body = re.search(r"<tbody>(.*?)</tbody>", shown, re.DOTALL)
    assert body
    rows = re.findall(r'<tr class="([^"]*)"( hidden="")?><th scope="row" data-v="([^"]*)"', body[1])
    assert rows[0][2] == "top"
    assert {hidden for kind, hidden, _ in rows if kind == "grey"} == {' hidden=""'}
    assert 'data-key="speed" aria-sort="ascending"' in shown
    assert 'data-theme="dark"' in shown
    assert "Answer of sot" in shown
    assert shown.count('class="gantt"') == 1
    assert "12 of 12 rows" in dom(site, "")
