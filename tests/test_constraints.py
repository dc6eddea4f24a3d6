"""Conditions on a whole set: each piece gets its share, the shares make the set again, and no two requests are alike."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from setbench import METHODS, Kept, measure

from ppbench import Plan, Prompt, Schema
from ppbench_plugins.decomposers.constraints import Shards
from ppbench_plugins.decomposers.fanout import FanOut
from ppbench_plugins.mock.oracle import Ask, Oracle

QUOTAS: list[tuple[str, int, list[tuple[int, str]]]] = [
    ("Write six characters: three from Asia, two from Peru and one from Mali.", 6, [(3, "Asia"), (2, "Peru"), (1, "Mali")]),
    ("Invent 6 heroes, 3 girls and 3 boys. Two of them are children.", 6, [(3, "girls"), (3, "boys"), (2, "children")]),
    ("Write 10 jokes, at least three of them about cats.", 10, [(3, "about cats")]),
    ("I need 8 slogans for a bakery; one of them must rhyme.", 8, [(1, "must rhyme")]),
    ("Give me five riddles (two easy, three hard).", 5, [(2, "easy"), (3, "hard")]),
    ("Schreib vier Gedichte, davon zwei traurig und zwei fröhlich.", 4, [(2, "traurig"), (2, "fröhlich")]),
    ("Escribe cinco cuentos: dos de terror, dos de amor y uno de humor.", 5, [(2, "terror"), (2, "amor"), (1, "humor")]),
    ("Écris quatre haïkus : deux sur la mer et deux sur la neige.", 4, [(2, "la mer"), (2, "la neige")]),
    ("Scrivi cinque battute, due sui gatti e tre sui cani.", 5, [(2, "gatti"), (3, "cani")]),
    ("Escreva quatro poemas: três sobre o mar e um sobre a terra.", 4, [(3, "o mar"), (1, "a terra")]),
    ("Придумай шесть героев: три из Азии, два из Европы и один из Африки.", 6, [(3, "Азии"), (2, "Европы"), (1, "Африки")]),
    ("写六个角色：三个来自亚洲，两个来自欧洲，一个来自非洲。", 6, [(3, "亚洲"), (2, "欧洲"), (1, "非洲")]),
    ("キャッチコピーを5つ書いて。そのうち2つは英語で。", 5, [(2, "英語")]),
    ("Tulis lima pantun: tiga lucu dan dua sedih.", 5, [(3, "lucu"), (2, "sedih")]),
    ("Escribe cinco poemas para una revista: dos tristes y tres alegres.", 5, [(2, "tristes"), (3, "alegres")]),
    ("Schreib fünf Witze für eine Feier: zwei über Tiere und drei über Lehrer.", 5, [(2, "Tiere"), (3, "Lehrer")]),
    ("اكتب ست نوادر: اثنتان في السوق واثنتان في البيت واثنتان أمام القاضي.", 6, [(2, "السوق"), (2, "البيت"), (2, "القاضي")]),
    ("俳句を四句。春が二句、秋が二句です。", 4, []),
]  # fmt: skip

NO_QUOTAS = [
    ("Give me 4 slogans of five words each.", 4),
    ("Suggest 5 games for 2 people.", 5),
    ("Write 3 stories, each about two friends.", 3),
    ("Write 3 poems of four lines.", 3),
    ("Give me 7 names for a cat that was born in 2019.", 7),
    ("写三首诗，每首四行。", 3),
    ("Write 5 stories about three brothers and two sisters.", 5),
    ("Write 5 stories about a family with 2 boys and 3 girls.", 5),
    ("Give me 6 tips for two parents with four children.", 6),
    ("Write 12 quiz questions on 7 wonders and 5 oceans.", 12),
    ("Invent 4 riddles, one for each of them.", 4),
]


@pytest.mark.parametrize(("text", "count", "quotas"), QUOTAS, ids=lambda value: value if isinstance(value, str) else "")
def test_every_quota_is_dealt_to_as_many_pieces(text: str, count: int, quotas: list[tuple[int, str]]) -> None:
    """Counted over the requests: each quota stands as their own in exactly as many as the prompt asks for."""
    plan = FanOut().fan(Prompt("p", text), Schema("Write one.", n=count))
    own = Counter(what for call in plan.calls for _, what in quotas if what in _own(str(call.text)))
    assert own == Counter({what: number for number, what in quotas})


def _own(request: str) -> str:
    return request.partition("This falls here:")[2].partition("To others:")[0]


@pytest.mark.parametrize(("text", "count"), NO_QUOTAS)
def test_a_condition_on_each_piece_is_no_quota(text: str, count: int) -> None:
    """Lengths, and numbers that say something of every piece, are not divided."""
    assert Shards.of(text, count).quotas == ()


def test_every_piece_sees_the_whole_request_its_number_and_the_rule() -> None:
    """Whatever a prompt says of the set stands in each request, once and first; a context that stands in it is pointed at."""
    text = "Notes: the sea is blue.\n\nWrite 4 stories on it, each in a different country, and no two with the same name."
    schema = Schema("{context}\n\nWrite a story on it.", context="Notes: the sea is blue.", n=4)
    requests = [str(call.text) for call in FanOut().fan(Prompt("p", text), schema).calls]

    assert all(request.startswith(f"<request>\n{text}\n</request>") for request in requests)
    assert all(request.count("Notes: the sea is blue.") == 1 for request in requests)
    assert all(f"number {k}:" in request and f"<piece {k}>\n[...]" in request for k, request in enumerate(requests, 1))


def test_a_context_that_is_not_in_the_prompt_stands_in_the_piece() -> None:
    """What a model changed a little is not lost."""
    schema = Schema("{context}\n\nWrite a story.", context="Notes: the sea is deep.", n=2)
    requests = [str(call.text) for call in FanOut().fan(Prompt("p", "Notes: sea deep. Write 2 stories."), schema).calls]
    assert all("Notes: the sea is deep." in request for request in requests)


@pytest.mark.parametrize(
    "text", ["two cats and " * 20_000, "1 2 3 " * 30_000, ", " * 100_000, "5 " + " " * 200_000, "и " * 90_000]
)
def test_long_texts_are_read_in_their_beginning_alone(text: str) -> None:
    """However long a prompt is, finding quotas takes no time to speak of, and what is found is dealt out."""
    shards = Shards.of("Write 5 stories. " + text, 5)
    assert len(shards.shares) == 5


def test_quotas_of_two_sentences_do_not_run_alike() -> None:
    """The second set is dealt from the end, so that not all women are children."""
    shards = Shards.of("Invent 6 heroes, 3 girls and 3 boys. Two of them are children.", 6)
    assert shards.shares == (("girls",), ("girls",), ("girls",), ("boys",), ("boys", "are children"), ("boys", "are children"))
    assert "To others: girls" in shards.request("w", "p", range(6, 7))


def test_pieces_that_are_warmed_begin_alike() -> None:
    """Up to the breakpoint all requests are the same, and it lies behind the whole request."""
    text = "Write 4 stories."
    calls = FanOut(warm=True).fan(Prompt("p", text), Schema("Write a story.", n=4)).calls
    [shared] = {str(call.text)[: call.cache_until] for call in calls}
    assert shared.endswith(text)


def test_a_group_of_pieces_takes_their_shares_together() -> None:
    """A call for several pieces names each one's share by its number."""
    text, count, _ = QUOTAS[0]
    first, *_, last = (str(call.text) for call in FanOut(group=2).fan(Prompt("p", text), Schema("Write one.", n=count)).calls)
    assert "number 1: from Asia; number 2: from Asia" in first
    assert "number 5: from Peru; number 6: from Mali" in last


def test_no_two_requests_are_alike() -> None:
    """On a model that answers equal requests alike, as one at temperature 0 does, sending the same request n times gives n - 1
    duplicates, as published; requests that differ give none. It says nothing of how unlike a real model's pieces are."""
    oracle = Oracle([])
    rates = {"shards": 0, "identical": 0}
    for text, count, _ in QUOTAS:
        plan = FanOut().fan(Prompt("p", text), Schema(text, n=count))
        rates["shards"] += _duplicates(oracle, plan)
        rates["identical"] += count - len({oracle.answer(Ask(text)) for _ in range(count)})
    assert rates == {"shards": 0, "identical": sum(count - 1 for _, count, _ in QUOTAS)}


def test_the_figures_of_the_prompts_with_conditions_are_those_that_are_documented() -> None:
    """With shards no piece repeats another and every quota that is told for sure is kept; n equal calls lose all of it."""
    assert measure(METHODS["shards"]) == Kept(45, 366, again=0, quotas=12, kept=12, conditions=105, told=105)
    assert measure(METHODS["n equal calls"]) == Kept(45, 366, again=321, quotas=12, kept=0, conditions=105, told=0)


def _duplicates(oracle: Oracle, plan: Plan) -> int:
    answers = [oracle.answer(Ask(str(call.text))) for call in plan.calls]
    return len(answers) - len(set(answers))


@given(st.text(max_size=300), st.integers(2, 30))
def test_any_text_is_divided_without_loss(text: str, count: int) -> None:
    """Whatever is found is dealt out in full, and every request begins with the whole as it is."""
    shards = Shards.of(text, count)
    dealt = Counter(what for share in shards.shares for what in share)
    asked = Counter[str]()
    for quota in shards.quotas:
        asked[quota.what] += quota.count
    assert dealt == asked
    assert len(shards.shares) == count
    assert shards.request(text, "one", range(1, 2)).startswith(f"<request>\n{text}\n</request>")
