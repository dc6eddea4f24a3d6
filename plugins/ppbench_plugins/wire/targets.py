"""Where requests go: `-m` and `--base-url` made into an address, a dialect and the name of a key. Reads no environment."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from ppbench import UsageError

Dialect = Literal["chat", "responses", "messages"]
Api = Literal["", "chat", "responses"]
"""A dialect as the user chooses it; empty: the provider's usual one."""
_QUERY = {"api-version", "version", "deployment", "region"}
"""Parameters of a base URL that hold no secret; any other might, and the URL is kept in the run's record."""

ANTHROPIC_VERSION = "2026-10-21"
"""What Anthropic's own client 2.12 sends, which since then gives the key as a bearer token too."""
_HOME: dict[str, tuple[tuple[Dialect, ...], str, str]] = {
    "openai": (("chat", "responses"), "https://api.openai.com/v1", "OPENAI_API_KEY"),
    "anthropic": (("messages",), "https://api.anthropic.com", "ANTHROPIC_API_KEY"),
}
"""Dialects, the usual one first; address; name of the key."""
_PATH: dict[Dialect, str] = {"chat": "/chat/completions", "responses": "/responses", "messages": "/v1/messages"}
_HONOURS: dict[Dialect, frozenset[str]] = {
    "chat": frozenset({"system", "json_schema", "max_tokens", "stop", "prefix"}),
    "responses": frozenset({"system", "json_schema", "max_tokens"}),
    "messages": frozenset({"system", "json_schema", "max_tokens", "stop", "prefix", "cache_until"}),
}


@dataclass(frozen=True)
class Target:
    """Where requests go and in which dialect."""

    dialect: Dialect
    provider: str
    model: str
    """As sent: what follows the first slash of `-m`."""
    base_url: str
    """Without query, as it may be printed and stored."""
    url: str
    key_env: str
    """The environment variable that holds the key; empty: none is ever sent."""
    key_required: bool

    @property
    def honours(self) -> frozenset[str]:
        """The optional fields of a request that reach the model. OpenAI's own API does not go on with a prefix."""
        return _HONOURS[self.dialect] - ({"prefix"} if self.provider == "openai" else set())


def split_model(model: str, *, default: str = "") -> tuple[str, str]:
    """Provider and model name. Raises UsageError for a name without provider, unless there is a default."""
    provider, slash, name = model.partition("/")
    if not slash and default and model:
        return default, model
    if not provider or not name:
        raise UsageError(f"-m {model!r}: write provider/name, e.g. openai/gpt-5.5, vllm/{name or model or 'llama'} "
                         "with --base-url, or mock/quick")  # fmt: skip
    return provider, name


def resolve(model: str, base_url: str = "", *, sdk: str = "", api: Api = "") -> Target:
    """The target of `-m` and `--base-url`. `sdk` is the provider whose SDK speaks; empty: any dialect. Raises UsageError."""
    provider, name = split_model(model, default=sdk)
    home = _HOME.get(provider)
    if home and sdk not in ("", provider):
        raise UsageError(f"-m {model!r}: executor {sdk} does not speak to {provider}; take -e {provider} or -e native")
    if not home and not base_url:
        raise UsageError(f"-m {model!r}: the address of {provider!r} is not known (known: {', '.join(_HOME)}, mock); "
                         "give --base-url, e.g. http://127.0.0.1:8000/v1")  # fmt: skip
    spoken, address, key_env = home or (_HOME[sdk or "openai"][0], "", _key_env(provider))
    dialect = api or spoken[0]
    if dialect not in spoken:
        raise UsageError(f"-m {model!r}: api={api} is not spoken there (known: {', '.join(spoken)}); leave api out, or take "
                         "-e native or -e openai with a model behind OpenAI's API, e.g. -m openai/NAME")  # fmt: skip
    base, query = _split_base(base_url or address)
    if dialect == "messages":
        base = base.removesuffix("/v1")
    url = base + _PATH[dialect] + (f"?{query}" if query else "")
    return Target(dialect, provider, name, base, url, key_env, bool(home) and not base_url)


def _key_env(provider: str) -> str:
    """A key goes to the provider it is named for and to nobody else, hence no common variable."""
    return "" if provider == "mock" else re.sub(r"\W", "_", provider).upper() + "_API_KEY"


def _split_base(base_url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(base_url.strip())
        good = parts.scheme in ("http", "https") and parts.hostname and (parts.port or True)
    except ValueError:
        good = False
    if not good or re.search(r"[\s\x00-\x1f]", base_url.strip()):
        shown = re.sub(r"//[^/]*@", "//", base_url.partition("?")[0])
        raise UsageError(f"--base-url {shown!r} is not an address; write http://HOST:PORT/v1 or https://HOST/v1")
    if "@" in parts.netloc or any(name not in _QUERY for name, _ in parse_qsl(parts.query)):
        raise UsageError("--base-url may hold a user, a password or a key, and would end up in the run's record; "
                         "put the key into the environment (PROVIDER_API_KEY) instead. "
                         f"Parameters that may stand there: {', '.join(sorted(_QUERY))}")  # fmt: skip
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", "")), parts.query


def headers(target: Target, key: str) -> dict[str, str]:
    """The headers of a request. Raises UsageError for a key that cannot stand in one."""
    if not re.fullmatch(r"[\x21-\x7e]*", key):
        raise UsageError(f"{target.key_env} holds blanks, line breaks or letters that no key has; set it again")
    made = {"content-type": "application/json"} | ({"authorization": f"Bearer {key}"} if key else {})
    return made | ({"anthropic-version": ANTHROPIC_VERSION} if target.dialect == "messages" else {})
