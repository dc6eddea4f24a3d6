"""People's verdicts in a real headless Chromium: keys and clicks, back and forth, hostile texts, a phone, a screen reader."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from annotating import CRITERIA, desk, literal, material, ppbench, serving, stored, told_apart, verdicts
from browser import CHROMIUM, Browser, Page, chromium

from ppbench.fitness import examine, standing
from ppbench.human.server import PageServer
from ppbench.store import RunDirectory
from ppbench.trace import Trial

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine")

HOSTILE = (
    "</script><script>document.title = 'owned'</script>",
    "<img src=x onerror=\"document.title = 'owned'\"><svg onload=\"document.title='owned'\">",
    "</div></main></body><h1>owned</h1><style>* { display: none }</style>"
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "{{ 7 * 7 }} ${7 * 7} <%= 7 * 7 %> {% raw %} #{7} &lt;b&gt; &amp; javascript:alert(1)",
    "a NUL \0 and half a pair \ud800 and the other \udc00, a bell \a, \u2028\u2029\ufeff\u202eright to left",
    "1 MB: " + "x" * 1_000_000,
    "ten thousand lines:\n" + "line\n" * 10_000,
    "مرحبا، هذه إجابة من اليمين إلى اليسار",
    "   \n\t ",
    "# Heading\n\n| a | b |\n|---|---|\n[link](javascript:alert(1)) <a href='http://evil.example'>x</a>",
)


def hostile(trial: Trial) -> str:
    place = sum(trial.item.encode()) + len(trial.decomposer)
    return HOSTILE[place % len(HOSTILE)]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return stored(tmp_path_factory.mktemp("run"), told_apart)


@pytest.fixture
def run(made: RunDirectory) -> RunDirectory:
    (made.path / "verdicts.jsonl").unlink(missing_ok=True)
    return made


def chosen(page: Page) -> dict[str, str]:
    found: dict[str, str] = page.js(
        "Object.fromEntries([...document.querySelectorAll('input[type=radio]:checked')].map(one => [one.name, one.value]))"
    )
    return found


def name(page: Page, annotator: str) -> None:
    page.click("#name")
    page.send("Input.insertText", text=annotator)
    page.press("Enter")


def test_a_whole_judging_by_keys(browser: Browser, run: RunDirectory) -> None:
    """Name, choices, back, a change, reload, done: what was chosen is there again, and every value stands once."""
    with serving(run.path.parent, "-n", "6") as (process, url):
        page = browser.page(url)
        name(page, "ada")
        count = len(material(run, 6).shown)
        assert (page.text("#title"), page.text("#progress")) == (f"Comparison 1 of {count}", f"0 of {count} answered")
        assert page.js("document.activeElement.id") == "title"
        for number in range(count):
            assert chosen(page) == {}
            page.press(*("123"[(number + k) % 3] for k in range(4)))
            assert page.text("#progress") == f"{number + 1} of {count} answered"
            page.press("ArrowRight" if number % 2 else "Enter")
        assert "press Done" in page.text("#status") or page.text("#title") == f"Comparison {count} of {count}"
        page.press(*["ArrowLeft"] * (count + 2))
        assert page.text("#title") == f"Comparison 1 of {count}"
        assert chosen(page) == {"accuracy": "a", "grammar": "tie", "detail": "b", "preference": "a"}
        page.press("g", "3")
        page.reload()
        assert (page.text("#title"), page.text("#annotator")) == (f"Comparison 1 of {count}", "as ada")
        assert chosen(page) == {"accuracy": "a", "grammar": "b", "detail": "b", "preference": "a"}
        page.press("ArrowRight")
        assert chosen(page) == {"accuracy": "tie", "grammar": "b", "detail": "a", "preference": "tie"}
        page.click("#done")
        page.click("#go-on")
        page.click("#done")
        page.click("#stop")
        assert page.js("document.activeElement.id") == "bye-title"
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert "ada" in out
    records = verdicts(run)
    kept = list(standing(records, examine(records)))
    assert len(kept) == len({(r["item"], r["decomposer"], r["criterion"]) for r in kept}) == 6 * 4
    assert len(records) == (count + 1) * 4
    assert {asked.split("/")[2] for asked in page.requests()} == {url.split("/")[2]}
    assert page.complaints() == []


def test_clicks_and_the_keys_of_a_radio(browser: Browser, run: RunDirectory) -> None:
    """A click leaves the arrows to the comparisons; whoever comes by Tab moves within the criterion; keys can be put off."""
    at = desk(run, only="ada")
    with PageServer(at) as server:
        page = browser.page(server.url)
        page.click("input[name=detail][value=b]")
        assert at.show("ada", 0)["chosen"] == {"detail": "b"}
        page.press("ArrowRight")
        assert page.text("#title").startswith("Comparison 2 of")
        page.js("document.querySelector('input[name=accuracy][value=a]').focus()")
        page.press(" ", "ArrowRight")
        assert at.show("ada", 1)["chosen"] == {"accuracy": "tie"}
        assert page.text("#title").startswith("Comparison 2 of")
        page.click("#back")
        page.js("document.querySelector('details').open = true")
        page.click("#keys-on")
        page.press("1", "ArrowRight")
        assert at.show("ada", 0)["chosen"] == {"detail": "b"}
        assert page.text("#title").startswith("Comparison 1 of")
        page.click("#open")
        assert page.text("#title").startswith("Comparison 2 of")


def test_hostile_texts_are_text(browser: Browser, tmp_path: Path) -> None:
    """Every character stands in its box and nowhere else; nothing runs or is fetched, a phone is not scrolled sideways."""
    directory = stored(tmp_path, hostile, prompts=14)
    at = desk(directory, only="ada")
    count = len(at.overview("ada")["answered"])
    texts = {at.show("ada", number)[side] for number in range(count) for side in "ab"}
    assert texts >= set(HOSTILE)
    with PageServer(at) as server:
        page = browser.page(server.url)
        page.size(360, 740)
        for number in range(count):
            shown = at.show("ada", number)
            assert page.text("#title") == f"Comparison {number + 1} of {count}"
            for side in "ab":
                expected = shown[side] if shown[side].strip() else "(no text)"
                assert page.js(f"document.getElementById('{side}').textContent === {literal(expected)}")
                assert page.js(f"document.getElementById('{side}').childElementCount") == 0
                assert page.js(f"document.getElementById('{side}').getBoundingClientRect().height") < 400
            assert page.js("document.documentElement.scrollWidth <= window.innerWidth")
            assert page.js("document.title") == "Which answer is better?"
            page.press("ArrowRight")
        assert page.js("document.querySelectorAll('script').length") == 1
        assert not [url for url in page.requests() if "evil" in url]
        assert page.complaints() == []
        page.size(1280, 900)
        page.screenshot(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 10_000


def test_the_direction_of_a_text_is_its_own(browser: Browser, tmp_path: Path) -> None:
    """Arabic runs from the right in a page that runs from the left."""
    directory = stored(tmp_path, lambda trial: HOSTILE[7] if trial.decomposer == "sot" else told_apart(trial))
    with PageServer(desk(directory, only="ada")) as server:
        page = browser.page(server.url)
        directions = set()
        for _ in range(6):
            for side in "ab":
                arabic = page.text(f"#{side}") == HOSTILE[7]
                directions.add((arabic, page.js(f"getComputedStyle(document.getElementById('{side}')).direction")))
            page.press("ArrowRight")
        assert directions == {(True, "rtl"), (False, "ltr")}


def test_the_policy_lets_nothing_else_run(browser: Browser, run: RunDirectory) -> None:
    """Not even the page's own script could make markup of a text, start another script or reach another place."""
    with PageServer(desk(run, only="ada")) as server:
        page = browser.page(server.url)
        assert page.js("(() => { try { document.body.innerHTML = '<b>x</b>' } catch (e) { return e.name } })()") == "TypeError"
        page.js("document.body.append(Object.assign(document.createElement('style'), { textContent: 'body { color: red }' }))")
        assert page.js("getComputedStyle(document.body).color") != "rgb(255, 0, 0)"
        assert page.js("fetch('http://127.0.0.1:1/').then(() => 'fetched', (e) => e.name)") == "TypeError"
        assert any("Content Security Policy" in line for line in page.complaints())


def test_another_page_of_this_machine_cannot_post(browser: Browser, run: RunDirectory) -> None:
    """A page of another port that knows even the token is refused by its origin."""
    at, other = desk(run, only="ada"), desk(run, only="ben")
    with PageServer(at) as server, PageServer(other) as stranger:
        page = browser.page(stranger.url)
        page.send("Page.setBypassCSP", enabled=True)
        page.reload()
        said = {"annotator": "ada", "number": 0, "criterion": "detail", "choice": "a"}
        for kind in ("application/json", "text/plain"):
            options = {"method": "POST", "mode": "no-cors" if kind == "text/plain" else "cors", "body": json.dumps(said),
                       "headers": {"Content-Type": kind}}  # fmt: skip
            page.js(f"fetch({literal(server.url + 'choice')}, {json.dumps(options)}).then(() => 'sent', (e) => e.name)")
        assert at.show("ada", 0)["chosen"] == {}


def accessible(page: Page) -> list[tuple[str, str]]:
    """Role and name of what a screen reader meets."""
    nodes: list[dict[str, Any]] = page.send("Accessibility.getFullAXTree")["nodes"]
    return [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]]


def test_a_screen_reader_meets_names(browser: Browser, run: RunDirectory) -> None:
    """Four groups with three named radios each, named regions and progress; every control has a name."""
    with PageServer(desk(run, only="ada")) as server:
        page = browser.page(server.url)
        found = accessible(page)
        assert {name.capitalize() for name in CRITERIA} <= {name for role, name in found if role == "group"}
        assert [name for role, name in found if role == "radio"] == ["A is better", "Tie", "B is better"] * 4
        assert {"The prompt", "Answer A", "Answer B"} <= {name for role, name in found if role == "region"}
        assert any(role == "progressbar" and "answered" in name for role, name in found)
        assert all(name for role, name in found if role in ("button", "radio", "checkbox", "textbox", "heading", "region"))
        page.press("1")
        assert page.text("#status") == "accuracy: A is better."


@pytest.mark.parametrize("dark", [False, True])
def test_text_can_be_read_in_light_and_dark(browser: Browser, run: RunDirectory, dark: bool) -> None:
    """Text on its ground has a contrast of at least 4.5, a chosen button too."""
    with PageServer(desk(run, only="ada")) as server:
        page = browser.page(server.url)
        page.dark(dark)
        page.press("1")
        contrast = """(() => {
          const light = (colour) => {
            const linear = (v) => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
            const [r, g, b] = colour.match(/[0-9.]+/g).map((v) => linear(v / 255));
            return .2126 * r + .7152 * g + .0722 * b;
          };
          const ground = (one) => {
            const colour = getComputedStyle(one).backgroundColor;
            return colour === "rgba(0, 0, 0, 0)" ? ground(one.parentElement) : colour;
          };
          return [...document.querySelectorAll("h1, h2, p, .text, label, legend, button:enabled, summary")]
            .filter((one) => one.textContent)
            .map((one) => [light(getComputedStyle(one).color), light(ground(one))].sort((a, b) => b - a))
            .map(([more, less]) => (more + .05) / (less + .05)).reduce((a, b) => Math.min(a, b));
        })()"""
        assert page.js(contrast) >= 4.5


def test_a_choice_that_does_not_arrive_is_kept_and_said(browser: Browser, run: RunDirectory) -> None:
    """When ppbench is gone the page says so and how many choices wait; they are posted when it answers again."""
    at = desk(run, only="ada")
    with PageServer(at) as server:
        page = browser.page(server.url)
        page.send("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1)
        page.press("1", "2")
        assert "2 of your choices are not stored yet" in page.text("#problem")
        assert page.js("!document.getElementById('problem').hidden")
        page.send("Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1)
        page.click("#retry")
        assert page.js("document.getElementById('problem').hidden")
        assert at.show("ada", 0)["chosen"] == {"accuracy": "a", "grammar": "tie"}


def test_two_annotators_at_once_do_not_meet(browser: Browser, run: RunDirectory) -> None:
    """Each tab has its own name, order and choices; when one ends the page, the other is told that a choice was not kept."""
    ppbench(run.path.parent, "judge", "out", "--judge", "structure")
    with serving(run.path.parent) as (process, url):
        ada, ben = browser.page(url), browser.page(url)
        name(ada, "ada")
        name(ben, "ben")
        ada.press("1", "1", "1", "1")
        ben.press("3", "3", "3", "3")
        assert chosen(ada) == dict.fromkeys(CRITERIA, "a")
        assert chosen(ben) == dict.fromkeys(CRITERIA, "b")
        ada.click("#done")
        ada.click("#stop")
        out, _ = process.communicate(timeout=120)
        ben.press("1")
        assert "keep this page open" in ben.text("#problem")
    assert "one another" in out
    assert by_judge(verdicts(run)) == {"human:annotator=ada": 4, "human:annotator=ben": 4}


def by_judge(records: list[dict[str, Any]]) -> dict[str, int]:
    return {judge: sum(record["judge"] == judge for record in records) for judge in sorted({r["judge"] for r in records})}
