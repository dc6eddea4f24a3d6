"""Finds what the engine needs at run time: the module itself, a libcurl, a libssl, the trusted certificates.

Says what is missing, and what to install, when one of them is not there. Sends nothing.
"""

from __future__ import annotations

import importlib
import os
import platform
import resource
import shutil
import ssl
import sys
import sysconfig
from collections.abc import Iterator
from ctypes.util import find_library
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ppbench import BrokenPlugin

_OTHER_FILES = 256
"""Descriptors that are not connections: libraries, logs, the engine's own."""
_WITHOUT = "`-e offline` runs without the engine"


def load() -> Any:
    """The engine's module. Raises BrokenPlugin that says why it is not there."""
    try:
        return importlib.import_module("ppbench_plugins._engine")
    except ModuleNotFoundError:
        raise BrokenPlugin(f"executor native needs the engine, which was not built when ppbench was installed: {diagnosis()}; "
                           f"{_WITHOUT}") from None  # fmt: skip
    except ImportError as error:
        raise BrokenPlugin(f"executor native: the engine does not load ({error}); reinstall ppbench; {_WITHOUT}") from None


def diagnosis() -> str:
    """What is missing here to build the engine, and what to do about it."""
    if platform.system() != "Linux":
        return f"it runs on Linux, and this is {platform.system()}"
    headers = Path(sysconfig.get_path("include")) / "Python.h"
    missing = [] if _compiler() else ["no C++ compiler is on PATH"]
    missing += [] if headers.exists() else [f"there is no Python.h in {headers.parent}"]
    missing += [] if has_libcurl() else ["there is no libcurl"]
    if not missing:
        return "a compiler, Python.h and libcurl are there now; reinstall ppbench (PPBENCH_REQUIRE_NATIVE=1 shows what fails)"
    return (" and ".join(missing) + "; install them (Debian and Ubuntu: `apt install g++ python3-dev libcurl4`; "
            "Fedora: `dnf install gcc-c++ python3-devel libcurl`), then reinstall ppbench")  # fmt: skip


def _compiler() -> str | None:
    names = (os.environ.get("CXX", "").split() or [""])[0], "c++", "g++", "clang++"
    return next(filter(None, (shutil.which(name) for name in names if name)), None)


def has_libcurl() -> bool:
    return any(Path(path).exists() for path in libcurls()) or find_library("curl") is not None


def libcurls() -> list[str]:
    """Where a libcurl may be, best first: what the user names, what pycurl carries, what the system has."""
    named = os.environ.get("PPBENCH_LIBCURL")
    beside = (str(path) for path in sorted(Path(sys.prefix, "lib").glob("libcurl.so.4")))
    return [*([named] if named else []), *_of_pycurl("libcurl*"), *beside, "libcurl.so.4", "/usr/lib/libcurl.4.dylib"]


def libssls() -> list[str]:
    """Where a libssl for the paced server may be, in the same order."""
    named = os.environ.get("PPBENCH_LIBSSL")
    return [*([named] if named else []), *_of_pycurl("libssl*"), "libssl.so.3", "libssl.so.1.1"]


def _of_pycurl(pattern: str) -> Iterator[str]:
    """The wheel's own copies. The module is found, not imported."""
    spec = find_spec("pycurl")
    if spec is None or spec.origin is None:
        return
    here = Path(spec.origin).parent
    for folder in (here / "pycurl.libs", here.parent / "pycurl.libs", here / ".dylibs"):
        yield from map(str, sorted(folder.glob(pattern)))


def ca_file(url: str) -> str:
    """The file of trusted certificates; empty when the address needs none. Raises BrokenPlugin."""
    if not url.startswith("https:"):
        return ""
    named = os.environ.get("SSL_CERT_FILE")
    if named and not Path(named).is_file():
        raise BrokenPlugin(f"SSL_CERT_FILE is {named!r}, and there is no such file; set it to a file of trusted certificates "
                           "(PEM), or unset it")  # fmt: skip
    for path in (named, ssl.get_default_verify_paths().cafile, _of_certifi()):
        if path and Path(path).is_file():
            return path
    raise BrokenPlugin("https needs a file of trusted certificates, and there is none; install ca-certificates "
                       "(`apt install ca-certificates`) or certifi (`pip install certifi`), or set SSL_CERT_FILE")  # fmt: skip


def _of_certifi() -> str | None:
    try:
        return str(importlib.import_module("certifi").where())
    except ImportError:
        return None


def allow_descriptors(count: int) -> None:
    """Raise this process's soft limit of open files, where it may, so that so many connections can be held."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
