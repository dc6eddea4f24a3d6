"""How an endpoint is reached: its certificate is always checked, its name is looked up, a proxy is taken when one is named."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import pytest
import trustme
from asking import Make, everywhere, failed, run
from faulty import WHOLE, Faulty

OURS = trustme.CA()
OTHERS = trustme.CA()
LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def trusted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Only our own authority is trusted, and no proxy is named."""
    OURS.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def context(authority: trustme.CA, host: str, *, expired: bool = False) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    dates = {"not_before": LONG_AGO, "not_after": LONG_AGO + datetime.timedelta(days=1)} if expired else {}
    authority.issue_cert(host, **dates).configure_cert(made)  # type: ignore[arg-type]
    return made


@everywhere
def test_a_certificate_of_a_trusted_authority_is_taken(make: Make) -> None:
    """SSL_CERT_FILE names whom to trust; the connection is opened once, before the clock runs."""
    with Faulty(tls=context(OURS, "127.0.0.1")) as server, make(server.url, max_in_flight=1) as executor:
        outcomes = [run(executor) for _ in range(2)]

    assert [outcome.trace.answer for outcome in outcomes] == [WHOLE, WHOLE]
    assert [span.reply.connect_ns for outcome in outcomes for span in outcome.trace.spans] == [0, 0]


@everywhere
@pytest.mark.parametrize(
    "wrong",
    [context(OTHERS, "127.0.0.1"), context(OURS, "other.example"), context(OURS, "127.0.0.1", expired=True)],
    ids=["unknown-authority", "wrong-host", "expired"],
)
def test_a_wrong_certificate_is_refused(make: Make, wrong: ssl.SSLContext) -> None:
    """Nothing is sent, and the message names the variable that says whom to trust."""
    with Faulty(tls=wrong) as server, make(server.url, max_in_flight=1) as executor:
        outcome = run(executor, max_tries=1)

    assert failed(outcome).kind == "refused"
    assert "certificate" in failed(outcome).message
    assert "SSL_CERT_FILE" in failed(outcome).message
    assert server.lines == []


@everywhere
def test_a_name_that_nobody_has_is_refused(make: Make) -> None:
    """The look-up fails, and the message says where the name comes from."""
    with make("http://nowhere.invalid", max_in_flight=1) as executor:
        outcome = run(executor, max_tries=1)

    assert failed(outcome).kind == "refused"
    assert "--base-url names its host" in failed(outcome).message


@everywhere
def test_a_proxy_is_asked_for_other_hosts(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """http_proxy takes every request for a host that is not of this machine."""
    with Faulty() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        with make("http://model.invalid", max_in_flight=1) as executor:
            outcome = run(executor)
    assert outcome.trace.answer == WHOLE
    assert all(" http://model.invalid/" in line for line in proxy.lines)


@everywhere
def test_no_proxy_leaves_a_host_out(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is named there is asked directly, and here it does not exist."""
    with Faulty() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "elsewhere.example,model.invalid")
        with make("http://model.invalid", max_in_flight=1) as executor:
            outcome = run(executor, max_tries=1)
    assert failed(outcome).kind == "refused"
    assert proxy.lines == []


@everywhere
def test_this_machine_needs_no_proxy(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server on a loopback address is asked directly, whatever the environment says."""
    with Faulty() as proxy, Faulty() as server:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("all_proxy", proxy.url)
        with make(server.url, max_in_flight=1) as executor:
            outcome = run(executor)
    assert outcome.trace.answer == WHOLE
    assert (proxy.lines, len(server.attempts_ns)) == ([], 1)


@everywhere
@pytest.mark.parametrize("good", [True, False], ids=["right", "wrong"])
def test_behind_a_proxy_the_certificate_is_the_endpoints(make: Make, monkeypatch: pytest.MonkeyPatch, good: bool) -> None:
    """https_proxy opens a tunnel; what is at its end has to prove its name as without one."""
    with Faulty(tunnel=context(OURS, "model.invalid" if good else "proxy.example")) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        with make("https://model.invalid", max_in_flight=1) as executor:
            outcome = run(executor, max_tries=1)

    assert proxy.lines[0] == "CONNECT model.invalid:443"
    if good:
        assert outcome.trace.answer == WHOLE
    else:
        assert failed(outcome).kind == "refused"
        assert "SSL_CERT_FILE" in failed(outcome).message
        assert {line.partition(" ")[0] for line in proxy.lines} == {"CONNECT"}
