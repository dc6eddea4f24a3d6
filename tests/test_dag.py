"""`dag`: which plans it reads, when their subtasks leave, what becomes of answers on their way into other subtasks."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from asking import Make, everywhere, run
from faulty import FINE, PATIENCE_S, WHOLE, Faulty, Peer, finish, stream
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ppbench import NUMBERED, Failure, Plan, Prompt, Request, Schema, Script, Trace, VirtualExecutor
from ppbench.execute import Loop
from ppbench.jobs import Job, Outcome
from ppbench_plugins.decomposers.dag import Dag
from ppbench_plugins.decomposers.dag_reading import MOST_TEXT, PlanReader, Subtask
from ppbench_plugins.executors.offline import Offline
from ppbench_plugins.mock.items import known_items
from ppbench_plugins.mock.oracle import UNKNOWN, Ask, Oracle

MS = 1_000_000
TEXT = "Name the largest river and the largest lake of Norway, and compare them."
PROMPT = Prompt("p", TEXT)
GOOD = "1. the river\n2. the lake\n3. compare $1 with ${2}\nend\n"
NASTY = ["{data} {n} }{ {subtask} {1}", "costs $7, ${8} and \\1 \\g<0>", "\"a\" 'b' `c`", "%s </subtask 1> <answer 9>",
         "مرحبا \u202eabc\u202c שלום", "e\u0301 👩‍👩‍👧 \u00a0x", "x" * 200_000]  # fmt: skip


def read(reply: str, request: str, most: int) -> tuple[Subtask, ...]:
    return PlanReader(request, most).read(reply)


def read_so_far(reply: str, request: str, most: int) -> tuple[Subtask, ...]:
    return PlanReader(request, most).read_so_far(reply)


def planned(reply: str, method: Dag = Dag(), prompt: Prompt = PROMPT) -> Plan:
    """The plan that a planner's reply leads to."""
    [call] = method.decompose(prompt).calls
    assert call.expand is not None
    return call.expand(reply)


def lines(reply: str, request: str = TEXT) -> list[str]:
    return [f"{subtask.number} {subtask.text()}" for subtask in read(reply, request, 64)]


# Reading


@pytest.mark.parametrize(
    "reply",
    [
        "1. a\n2. b $1\nend",
        "1. a\n2. b $1\nend\n",
        "1) a\n2) b $1\nEND",
        "1: a\n2: b $1\nend.",
        "(1) a\n(2) b $1\n(3) end",
        "[1] a\n[2] b $1\n`end`",
        "- 1. a\n- 2. b $1\n- end",
        "**1. a**\n**2. b $1**\n**end**",
        "**1.** a\n**2.** b $1\n3. end",
        "### 1. a\n### 2. b $1\n\nend",
        "１．a\n２．b $１\nend",
        "1、a\n2、b ＄1\nend",
        "1. a\r\n2. b ${1}\r\nend\r\n",
        "```text\n1. a\n2. b $1\nend\n```",
        "```\n1. a\n2. b ${ 1 }\n```\nend",
        "Here is the plan:\n\n1. a\n\n2. b $1\n---\nend\nThree calls in all:\n1. x",
        "In\n2024. That year it was so.\n1. a\n2. b $1\nend",
        "<think>\n1. x\n2. y\nend\n</think>\n\n1. a\n2. b $1\nend",
        "\ufeff\n  1. a\n  2. b $1\n  end",
    ],
)
def test_a_plan_is_read_whatever_its_marks(reply: str) -> None:
    """Any common number, bold, code, fences, full-width signs, other line ends, prose around, thoughts before."""
    assert lines(reply) == ["1 a", "2 b $1"]
    assert [call.needs for call in planned(reply).calls] == [(), ("1",), ("1", "2")]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("", "holds no plan"),
        ("I cannot help with that.", "holds no plan"),
        ("2. a\n3. b\n", "holds no plan"),
        ("1. a\n2. b\n3. the last one of th", "cut off"),
        ("1. a\n2. b", "cut off"),
        ("1. a\n2. b\nen", "a line within the plan is no subtask: 'en'"),
        ("<think>\n1. a\n2. b\nend", "holds no plan"),
        ("1. a $2\n2. b $1\nend", "subtask 1 refers to subtask 2, which is not before it"),
        ("1. a\n2. b $2\nend", "subtask 2 refers to itself"),
        ("1. a\n2. b $9\nend", "subtask 2 refers to subtask 9"),
        ("1. a\n2. b ${0}\nend", "subtask 2 refers to subtask 0"),
        ("1. a\n3. b\n4. c $2\nend", "subtask 4 refers to subtask 2"),
        ("1. a\n2. b\n2. c\nend", "subtask 2 comes after subtask 2"),
        ("1. a\n3. b\n2. c\nend", "subtask 2 comes after subtask 3"),
        ("1. a\n2.\nend", "subtask 2 is empty"),
        ("1. a\n2. b:\n   and what belongs to it\nend", "no subtask: 'and what belongs to it'"),
        ("1. a\n2. b\n- c\nend", "no subtask: '- c'"),
        ("".join(f"{k}. a\n" for k in range(1, 66)) + "end", "more than 64 subtasks"),
        ("1. a\n2. " + "b" * MOST_TEXT, "goes on after"),
    ],
)
def test_a_bad_plan_falls_back_and_says_why(reply: str, reason: str) -> None:
    """Nothing, a refusal, a cut, a cycle, an unknown number, a number twice, a line of its own, too much."""
    plan = planned(reply)

    assert (plan.status, [call.text for call in plan.calls]) == ("fallback", [TEXT])
    assert plan.reason.startswith("plan: ")
    assert reason in plan.reason
    assert len(plan.reason) < 150


@pytest.mark.parametrize("reply", ["end", "End.\n", "```\nend\n```", "1. the whole request\nend", "Nothing to split:\nend"])
def test_a_plan_of_one_subtask_or_none_declines(reply: str) -> None:
    """The planner may say that there is nothing to take apart."""
    assert planned(reply).status == "declined"


@pytest.mark.parametrize(
    ("line", "request_text", "needs"),
    [
        ("$1 and $2", "", ("1", "2")),
        ("$2, $1, $2", "", ("2", "1")),
        ("$12 then", "", ("12",)),
        ("$1,$2", "", ("1", "2")),
        ("$1的答案", "", ("1",)),
        ("'$1's", "", ("1",)),
        ("$1.", "", ("1",)),
        ("${1}2", "", ("1",)),
        ("$5.00 or $1,500 and \\$2", "", ()),
        ("convert $40", "Convert $40 and $50.", ()),
        ("convert ${1} to $40", "Convert $40, then $1.", ("1",)),
        ("$12345 $x $ 1", "", ()),
    ],
)
def test_references_are_told_from_amounts(line: str, request_text: str, needs: tuple[str, ...]) -> None:
    """`$12` is no `$1` with a 2; an amount, an escaped dollar and what the request itself says are no reference."""
    earlier = "".join(f"{k}. a\n" for k in range(1, 13))
    assert read(f"{earlier}13. {line}\nend", request_text, 64)[-1].needs == needs


def test_a_dollar_sign_that_could_be_either_falls_back() -> None:
    """`$1` stands in the request and is the number of a subtask: neither reading is safe."""
    prompt = Prompt("p", "Explain $1 in bash; then explain $2.")
    assert "could be a reference as well" in planned("1. a\n2. b $1\nend", prompt=prompt).reason
    assert planned("1. what is $1?\n2. what is $2?\nend", prompt=prompt).status == "split"


PLANNER = st.text(st.sampled_from("123１$＄{}.): \n\r*`-#aend<think>/\\\ud800"), max_size=80)


@settings(max_examples=400, deadline=None)
@given(reply=PLANNER | st.text(max_size=60), request_text=st.text(st.sampled_from("a $1{}2."), max_size=12))
@example(reply="1. a\n2. $1\n3. $2 $1\nend", request_text="")
def test_any_reply_gives_an_acyclic_plan(reply: str, request_text: str) -> None:
    """Never an exception; each subtask needs earlier ones alone; what was known early stands in the plan unchanged."""
    prompt = Prompt("p", request_text or "x")
    plan = planned(reply, prompt=prompt)
    [call] = Dag().decompose(prompt).calls
    assert call.expand_stream is not None
    early = call.expand_stream(reply)

    numbers = [int(call.id) for call in plan.calls if call.role == "solve" and call.id != "serial"]
    assert numbers == sorted(set(numbers))
    assert all(int(need) < int(call.id) for call in plan.calls if call.role == "solve" for need in call.needs)
    if plan.status == "split":
        final = {call.id: call for call in plan.calls}
        assert [(call.needs, callable(call.text)) for call in early] == [
            (final[call.id].needs, callable(final[call.id].text)) for call in early
        ]
    else:
        assert [call.text for call in plan.calls] == [prompt.text]


LINE = st.text(st.sampled_from("ab $1{}.２e*)"), max_size=12)


@settings(max_examples=200, deadline=None)
@given(texts=st.lists(LINE, min_size=1, max_size=6), before=st.sampled_from(["", "Plan:\n", "```\n"]), ends=st.booleans())
def test_what_is_known_early_is_never_taken_back(texts: list[str], before: str, ends: bool) -> None:
    """At every instant: what is known is how the final plan begins, and grows; else the plan comes to nothing."""
    reply = before + "".join(f"{k}. {text}\n" for k, text in enumerate(texts, 1)) + "end" * ends
    known = [read_so_far(reply[:cut], "", 64) for cut in range(len(reply) + 1)]
    try:
        final = read(reply, "", 64)
    except ValueError:
        final = max(known, key=len)
        known = [early for early in known if early]  # the plan was bad already after its first line
    assert all(early == final[: len(early)] for early in known)
    assert [len(early) for early in known] == sorted(len(early) for early in known)


# Text is data


@pytest.mark.parametrize("nasty", NASTY, ids=lambda text: text[:10])
def test_answers_take_their_places_as_they_are(nasty: str) -> None:
    """Request, line and answers reach the call word for word; a reference inside an answer is text."""
    prompt = Prompt("p", f"Do {nasty}")
    first, second, join = planned("1. a\n2. b $1 {index} c ${1}\nend", prompt=prompt).calls
    assert callable(second.text)
    assert callable(join.text)
    told = second.text({"1": nasty})

    assert f"\nb {nasty} {{index}} c {nasty}\n" in told
    assert f"Do {nasty}" in told
    assert f"Do {nasty}" in str(first.text)
    assert f"<answer 2>\n{nasty}$1\n</answer 2>" in join.text({"1": "{answers} $2", "2": nasty + "$1"})


def test_a_line_is_carried_as_it_is() -> None:
    """Braces, slashes, quotes and brackets of a line stay, and nothing ends at a closing bracket."""
    line = 'say "{subtask}" (both) ) \\1 \\n {request} <b> شكرا'
    assert f"\n{line}\n" in str(planned(f"1. {line}\n2. b\nend").calls[0].text)


def test_each_call_is_made_once_however_often_a_plan_is_looked_at() -> None:
    """At each token of a streaming plan the same calls are given, not equal ones; those that the whole plan holds."""
    [call] = Dag().decompose(PROMPT).calls
    assert call.expand_stream is not None
    assert call.expand is not None
    seen = [call.expand_stream(GOOD[:cut]) for cut in range(len(GOOD) + 1)]
    plan = call.expand(GOOD)

    assert all(early is late for some in seen for early, late in zip(some, plan.calls, strict=False))
    assert call.expand_stream(GOOD[:-2]) is call.expand_stream(GOOD[:-1])  # no line is new


def test_another_attempt_is_read_from_its_beginning() -> None:
    """A reply that was cut and asked for again may say something else; what a trial knew is no other trial's."""
    reader = PlanReader(TEXT, 64)

    assert len(reader.read_so_far("1. a\n2. b\n")) == 2
    assert [subtask.text() for subtask in reader.read_so_far("1. c\n2. d\n")] == ["c", "d"]
    assert reader.read_so_far("1. c") == ()
    assert [subtask.text() for subtask in reader.read("1. e\n2. f\nend")] == ["e", "f"]


@pytest.mark.parametrize("tag", ["think", "thinking"])
def test_a_thought_is_no_plan(tag: str) -> None:
    """Nothing leaves from inside it, however far it has come, nor from a plan that was only thought of."""
    thought = f"<{tag}>\n1. x\n2. y\nend\n"
    whole = f"{thought}</{tag}>\n{GOOD}"

    assert all(not read_so_far(thought[:cut], TEXT, 64) for cut in range(len(thought) + 1))
    assert lines(whole) == lines(GOOD)
    assert planned(thought).status == "fallback"


def test_an_endless_plan_is_given_up() -> None:
    """At its limits of subtasks, lines and characters, while it streams too."""
    endless = "1. a\n2. b\n" + "".join(f"{k}. c\n" for k in range(3, 200_000))

    assert read_so_far(endless, "", 64) == ()
    assert len(read_so_far(endless[:1000], "", 64)) == 64
    assert "more than 64" in planned(endless).reason
    assert "more than 1000 lines" in planned("1. a\n" + "\n" * 2000 + "2. b\nend").reason
    assert read_so_far("1. a\n2. b\n" + "-\n" * 2000, "", 64) == ()


# Plans


def test_the_join_follows_the_option_and_the_edges() -> None:
    """auto: a call where subtasks depend on one another, else a list; llm and merge whatever the plan."""
    flat = "1. a\n2. b\n3. c\nend"
    ends = {(join, reply): planned(reply, Dag(join=join)) for join in ("auto", "llm", "merge") for reply in (flat, GOOD)}  # type: ignore[arg-type]

    assert {key: plan.calls[-1].id for key, plan in ends.items()} == {
        ("auto", flat): "3", ("auto", GOOD): "join", ("llm", flat): "join", ("llm", GOOD): "join",
        ("merge", flat): "3", ("merge", GOOD): "3",
    }  # fmt: skip
    assert ends["merge", GOOD].answers == ("1", "2", "3")
    assert planned(GOOD, Dag(join="merge", merged="sinks")).answers == ("3",)
    assert ends["merge", flat].merge == NUMBERED
    assert (ends["llm", GOOD].calls[-1].needs, ends["llm", GOOD].calls[-1].role) == (("1", "2", "3"), "merge")
    assert ends["llm", GOOD].answers == ("join",)


def test_the_join_sees_the_request_the_plan_and_all_answers() -> None:
    join = planned(GOOD).calls[-1]
    assert callable(join.text)
    told = join.text({"1": "Glomma", "2": "Mjøsa", "3": "both are long (very)"})

    assert TEXT in told
    assert "3. compare $1 with $2" in told
    assert told.index("Glomma") < told.index("Mjøsa") < told.index("both are long (very)")


def test_a_flat_plan_tells_what_it_split_into() -> None:
    """With dependences, or with a line twice, there is no schema to tell."""
    assert planned("1. a\n2. b\nend").schema == Schema("{data}", data=("a", "b"))
    assert planned(GOOD).schema is None
    assert planned("1. a\n2. a\nend").schema is None


def test_equal_lines_make_unequal_calls() -> None:
    """So that they may differ in their answers; and all calls begin alike, up to the request's end."""
    first, second = (str(call.text) for call in planned("1. write a slogan\n2. write a slogan\nend").calls)
    shared = first.index(TEXT) + len(TEXT)

    assert first != second
    assert first[:shared] == second[:shared]


@pytest.mark.parametrize("most", [1, 201])
def test_a_limit_that_makes_no_sense_is_refused(most: int) -> None:
    with pytest.raises(ValueError, match="max_parts is from 2 to 200"):
        Dag(max_parts=most)
    with pytest.raises(ValueError, match="max_tokens is 0; give 1 or more"):
        Dag(max_tokens=0)
    assert "at most 7" in str(Dag(max_parts=7).decompose(PROMPT).calls[0].text)


# On the clock


class World:
    """A planner that writes one line each 100 ms, subtasks of a given length, and when each of them left."""

    def __init__(self, plan: str, lasting: Mapping[str, int | Failure], method: Dag = Dag()) -> None:
        self.sent: dict[str, int] = {}
        self.texts: dict[str, str] = {}
        self._plan, self._lasting, self._method = plan, lasting, method

    def run(self) -> Outcome:
        """One trial; `plan`, a subtask's number, `join` and `serial` name its calls."""
        job = Job("j", lambda: self._method.decompose(PROMPT), fallback=lambda reason: Plan.fallback(PROMPT, reason))
        [outcome] = Loop(VirtualExecutor(self._respond)).run([[job]])
        return outcome

    def _respond(self, request: Request, now_ns: int) -> Script:
        name = request.id.rpartition("/")[2].partition("#")[0]
        self.sent[name], self.texts[name] = now_ns // MS, request.text
        if name == "plan":
            chunks = tuple((k * 100 * MS, line) for k, line in enumerate(self._plan.splitlines(keepends=True), 1))
            return Script(chunks, chunks[-1][0], tokens_in=1, tokens_out=1)
        last = self._lasting.get(name, 10)
        if isinstance(last, Failure):
            return Script((), 10 * MS, error=last)
        return Script(((last * MS, f"answer {name} (yes)"),), last * MS, tokens_in=1, tokens_out=1)


FIVE = "1. a\n2. b\n3. c $1\n4. d $2\n5. e\nend\n"


def test_subtasks_leave_while_the_plan_still_streams() -> None:
    """Each with its line, the first with the second one's beginning; a dependent one waits for what it needs alone."""
    world = World(FIVE, {"1": 150, "2": 1000})
    outcome = world.run()

    assert world.sent == {"plan": 0, "1": 200, "2": 200, "3": 350, "5": 500, "4": 1200, "join": 1210}
    assert outcome.trace.status == "split"
    assert "\nc answer 1 (yes)\n" in world.texts["3"]
    assert outcome.trace.answer == "answer join (yes)"


def test_a_subtask_leaves_when_it_can_though_the_planner_pauses() -> None:
    """What an answer releases does not wait for the planner's next line."""
    world = World("1. a\n2. b\n3. c $1\n" + "\n" * 20 + "4. d\nend\n", {})
    world.run()

    assert (world.sent["3"], world.sent["4"]) == (300, 2400)


def test_without_streaming_all_wait_for_the_end_of_the_plan() -> None:
    """`stream=false` shows what an early start is worth."""
    world = World(FIVE, {"1": 150, "2": 1000}, Dag(stream=False))
    outcome = world.run()

    assert world.sent == {"plan": 0, "1": 600, "2": 600, "5": 600, "3": 750, "4": 1600, "join": 1610}
    assert outcome.trace.latency_ns - World(FIVE, {"1": 150, "2": 1000}).run().trace.latency_ns == 400 * MS


@everywhere
def test_over_sockets_subtasks_are_there_before_the_plan_is_whole(make: Make) -> None:
    """The server ends its plan only once a subtask has reached it, and a dependent one brings the answer."""

    def wait(peer: Peer) -> object:
        assert peer.server.told.wait(PATIENCE_S)
        peer.chunk(peer.word("3. c $1\nend"))
        return finish(peer)

    def solve(peer: Peer) -> object:
        peer.server.told.set()
        return stream("first ", "answer")(peer)

    with Faulty(stream("1. a\n2. ", "b\n", then=wait)) as server, make(server.url) as executor:
        server.by_text = {"<answer 1>": stream("joined"), "c first answer": FINE, "<subtask 1>": solve, "<subtask 2>": FINE}
        trace = run(executor, Dag().decompose(PROMPT)).trace
    solved = {span.request.id.rpartition("/")[2]: span.reply.text for span in trace.spans}

    assert (trace.status, trace.answer, solved["3"]) == ("split", "joined", WHOLE)


@pytest.mark.parametrize(
    ("plan", "reason"),
    [("1. a\n2. b\n3. c $4\nend\n", "refers to subtask 4"), ("1. a\n2. b\n", "cut off"), ("1. a\n2. b\nhm\nend\n", "'hm'")],
)
def test_a_plan_that_goes_bad_after_subtasks_left_falls_back(plan: str, reason: str) -> None:
    """The reason is the planner's, what was sent is on record, and the request is answered as it is."""
    world = World(plan, {"1": 5000, "2": 5000})
    trace = world.run().trace

    assert (trace.status, trace.answer) == ("fallback", "answer serial (yes)")
    assert reason in trace.reason
    assert {span.request.id.rpartition("/")[2] for span in trace.spans} == {"plan", "1", "2", "serial"}


def test_a_single_subtask_is_not_sent_before_the_plan_declines() -> None:
    """One line and the end is no split, so nothing leaves for it."""
    world = World("1. all of it\nend\n", {})
    assert (world.run().trace.status, set(world.sent)) == ("declined", {"plan", "serial"})


def test_a_subtask_that_fails_for_good_hangs_nothing() -> None:
    """Those that wait for it are not waited for: the trial falls back."""
    world = World(FIVE, {"1": Failure("bad_request", "planted")})
    trace = world.run().trace

    assert (trace.status, trace.answer) == ("fallback", "answer serial (yes)")
    assert trace.reason == "call 1 failed: bad_request: planted"
    assert "3" not in world.sent


# The mock model

ITEMS = known_items()


def offline(text: str, method: Dag = Dag(), knobs: str = "") -> Trace:
    job = Job("j", lambda: method.decompose(Prompt("p", text)), fallback=lambda reason: Plan.fallback(PROMPT, reason))
    with Offline(model=f"mock/quick?{knobs}") as executor:
        [outcome] = Loop(executor).run([[job]])
    return outcome.trace


@pytest.mark.parametrize("item", [item for item in ITEMS if item.reference and item.splittable], ids=lambda item: item.id)
def test_the_mock_model_plans_a_known_prompt_item_by_item(item: object) -> None:
    """The plan names each item once; a subtask's answer is that item's alone, and listed they are the serial one."""
    schema, oracle = item.schema, Oracle(ITEMS)  # type: ignore[attr-defined]
    [call] = Dag().decompose(Prompt("p", item.text)).calls  # type: ignore[attr-defined]
    assert call.expand is not None
    plan = call.expand(oracle.answer(Ask(str(call.text))))
    answers = [oracle.answer(Ask(str(one.text))) for one in plan.calls]

    assert (plan.status, len(plan.calls)) == ("split", schema.size)
    assert NUMBERED(answers) == oracle.answer(Ask(item.text))  # type: ignore[attr-defined]


def test_the_mock_model_plans_the_gold_edges_of_dependent_subtasks() -> None:
    """A known graph is planned as it is: each subtask waits for those whose answers it needs."""
    item = next(item for item in ITEMS if item.dependency == "partial" and len(item.edges) > 1)
    [call] = Dag().decompose(Prompt("p", item.text)).calls
    assert call.expand is not None
    plan = call.expand(Oracle(ITEMS).answer(Ask(str(call.text))))
    edges = {(int(need) - 1, int(one.id) - 1) for one in plan.calls if one.id != "join" for need in one.needs}
    assert edges == set(item.edges)


def test_the_mock_model_writes_open_pieces_one_a_subtask() -> None:
    """As many as are asked for, each on its own."""
    item = next(item for item in ITEMS if item.id == "rg-001")
    assert item.schema is not None
    trace = offline(item.text)

    pieces = [span.reply.text for span in trace.spans if span.request.role == "solve"]

    assert (trace.status, len(pieces), len(set(pieces))) == ("split", item.schema.size, item.schema.size)
    assert trace.answer == NUMBERED(pieces)


def test_the_mock_model_plans_a_dependence_for_a_prompt_that_it_does_not_know() -> None:
    """Two lines, of which the second needs the first; computable problems are not taken apart; errors come by the knob."""
    trace = offline("Find a rhyme for Orange, then write a poem with it.")
    roles = [span.request.role for span in trace.spans]
    first, second = (span for span in trace.spans if span.request.role == "solve")

    assert (trace.status, roles) == ("split", ["plan", "solve", "solve", "merge"])
    assert first.reply.text in second.request.text
    assert offline("Sort in ascending order: [3, 1, 2]").status == "declined"
    assert offline(TEXT, knobs="planner_error=1").reason == "plan: subtask 2 refers to subtask 9, which is not before it"


def test_a_subtask_about_something_else_is_not_answered() -> None:
    """The request beside it does not make up for an item that the subtask does not name."""
    item = next(item for item in ITEMS if item.id == "sa-001")
    plan = planned("1. what is the weather?\n2. and now?\nend", prompt=Prompt("p", item.text))

    assert Oracle(ITEMS).answer(Ask(str(plan.calls[0].text))) == UNKNOWN
