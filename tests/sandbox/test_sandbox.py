"""Model-written code is confined, and passes only if its tests ran and held: attacked in every way we know."""

from __future__ import annotations

import ast
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from dataclasses import replace
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from functools import partial
from pathlib import Path

import attacks
import psutil
import pytest
from attacks import RIGHT
from conftest import REPOSITORY, needs_command, needs_data
from hypothesis import given
from hypothesis import strategies as st

from rveval import benchmarks, sandbox
from rveval.errors import Failed, Refused
from rveval.sandbox import Outcome, Program, available, seccomp
from rveval.sandbox import run as runner
from rveval.sandbox.box import ENVIRONMENT, Command, Role, container, image
from rveval.sandbox.bwrap import DEVICES, LIBRARY, PATHS, bwrap, may_mount
from rveval.sandbox.inside import NOBODY, wire

needs_bwrap = needs_command("bwrap", "bubblewrap")
TEST = "def check(candidate):\n    assert candidate(20) == 42\n    assert candidate(1) == 4\n"
# The time limit is an argument of every process that is started for a program: what lives of this test run is found.
HOST = ["/etc", "/etc/passwd", "/etc/hostname", "/proc", "/sys", "/usr", "/var", "/run", "/root", "/home", "/mnt"]
HOST += ["/dev/shm", "/dev/kmsg", "/dev/mem", "/dev/tty", "/dev/fd"]
SHORT = round(1.5 + os.getpid() / 1e8, 9)


def run(source: str, test: str = TEST, helpers: str = "", timeout_s: float = 10, kind: str = "bwrap") -> Outcome:
    """The outcome of one program whose entry point is f."""
    return sandbox.run_all([Program(source, "f", test, timeout_s, helpers)], kind, workers=1)[0]


def survivors(mark: str) -> list[int]:
    """Processes on this machine that were started for programs with a certain time limit."""
    return [
        process.pid for process in psutil.process_iter(["cmdline"]) if mark in " ".join(process.info["cmdline"] or [])
    ]


def assert_gone(mark: str) -> None:
    """Killing is no waiting: the kernel takes a moment to clear a namespace away."""
    deadline = time.monotonic() + 30
    while (left := survivors(mark)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []


# ---- what programs are for


@needs_bwrap
@pytest.mark.parametrize(
    ("source", "reason", "detail"),
    [
        (RIGHT, "passed", ""),
        ("def f(x):\n    return 42\n", "wrong", "assert candidate(1) == 4"),
        ("def f(x):\n    return None\n", "wrong", "assert candidate(20) == 42"),
        ("def f(x):\n    raise ValueError('no idea')\n", "error", "ValueError: no idea"),
        ("def f(x):\n    raise type('Own', (Exception,), {})('mine')\n", "error", "Own: mine"),
        (
            "def f(x):\n    raise AssertionError('not a test of yours')\n",
            "error",
            "AssertionError: not a test of yours",
        ),
        ("def f(x):\n    return {}['x']\n", "error", "KeyError: 'x'"),
        ("def f(x)\n    return 42\n", "error", "SyntaxError"),
        ("def g(x):\n    return 42\n", "error", "defines no function f"),
        ("f = 42\n", "error", "defines no function f"),
        ("", "error", "defines no function f"),
        ("import pandas\n" + RIGHT, "missing module", "pandas"),
        ("def f(x):\n    import yaml.nodes\n", "missing module", "yaml"),
        ("import numpy\ndef f(x):\n    return numpy.int64(2) * x + numpy.array(2)\n", "passed", ""),
        ("def f(x):\n    return object()\n", "error", "object is no plain value"),
        ("def f(x):\n    return f\n", "error", "function is no plain value"),
        ("def f(x):\n    while True: pass\n", "timeout", "processor time"),
        ("while True: pass\n", "timeout", "processor time"),
        ("import time\ndef f(x):\n    time.sleep(300)\n", "timeout", "not done after"),
        ("def f(x):\n    return input()\n", "error", "EOFError"),
        ("if __name__ == '__main__':\n    raise SystemExit\n" + RIGHT, "passed", ""),
        ("print('hello')\n" + RIGHT.replace("return", "print(x)\n    return"), "passed", ""),
        ("from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\n" + RIGHT, "passed", ""),
        ("import asyncio, ssl, sqlite3, hashlib, lzma, bz2, ctypes, numbers\n" + RIGHT, "passed", ""),
        ("x: Undefined = 1\n" + RIGHT, "error", "NameError"),
    ],
)
def test_each_end_has_its_reason(source: str, reason: str, detail: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if detail == "processor time":  # which a busy machine gives out slowly: let the clock not be first
        monkeypatch.setattr(runner, "PATIENCE", 60)
    found = run(source, timeout_s=SHORT if reason == "timeout" else 10)
    assert (found.reason, found.passed) == (reason, reason == "passed"), found
    assert detail in found.detail


MIXED = "[(1, 2.5), {3}, frozenset([4]), b'5', None, True, 1j, {(6,): [7]}]"


@needs_bwrap
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("__import__('collections').Counter('abba')", "{'a': 2, 'b': 2}"),
        ("__import__('collections').OrderedDict(a=1)", "{'a': 1}"),
        ("__import__('collections').namedtuple('P', 'x y')(1, 2)", "(1, 2)"),
        ("__import__('fractions').Fraction(4, 2)", "2"),
        ("__import__('decimal').Decimal('2')", "2"),
        ("range(3)", "range(3)"),
        ("float('inf')", "float('inf')"),
        ("-10**4400", "-10**4400"),
        ("'\\ud800'", "'\\ud800'"),
        (MIXED, MIXED),
    ],
)  # fmt: skip
def test_values_arrive(value: str, expected: str) -> None:
    test = f"def check(candidate):\n    assert candidate() == {expected}\n"
    assert run(f"def f():\n    return {value}\n", test) == Outcome(True, "passed", "")
    assert run("def f():\n    return 'something else'\n", test).reason == "wrong"


@needs_bwrap
def test_iterators_arguments_by_name_exceptions_and_helpers() -> None:
    test = (
        "def check(candidate):\n"
        "    assert tuple(candidate([1, 2], start=3)) == (4, 5)\n"
        "    assert f([1], start=double(2)) is not candidate\n"
        "    assert candidate.__name__ == 'f'\n"
        "    try:\n        candidate(None)\n    except TypeError:\n        pass\n    else:\n        assert False\n"
    )
    helpers = "def double(x):\n    return 2 * x\n\ndef f(items, start):\n    'The stub.'\n"
    source = "def f(items, start):\n    items = list(items)\n    return (x + start for x in items)\n"
    assert run(source, test, helpers).passed


@needs_bwrap
def test_five_thousand_calls_fit_into_the_time_of_a_program() -> None:
    test = "def check(candidate):\n    for x in range(5000):\n        assert candidate(x) == 2 * x + 2\n"
    assert run(RIGHT, test, timeout_s=10).passed


@needs_bwrap
def test_order_progress_and_the_same_verdict_again() -> None:
    sources = [
        f"import time\ntime.sleep({i % 3 / 5})\ndef f(x):\n    return {'2 * x + 2' if i % 2 else i}\n" for i in range(7)
    ]
    heard: list[tuple[int, int]] = []
    found = sandbox.run_all(
        [Program(source, "f", TEST) for source in sources], "bwrap", workers=4, progress=lambda *at: heard.append(at)
    )
    assert [outcome.passed for outcome in found] == [bool(i % 2) for i in range(7)]
    assert heard == [(i, 7) for i in range(1, 8)]
    assert sandbox.run_all([], "bwrap") == []
    dice = "import random\ndef f(x):\n    return random.random(), hash('salt')\n"
    assert shown(dice) == shown(dice) != ""


# A value that a test compares with, and that puts what it is compared with into the verdict's detail.
SHOW = "class X:\n    def __eq__(self, other):\n        raise ValueError(f'saw {other}')\n    __hash__ = None\n"


def shown(source: str, argument: object = None) -> str:
    """What a program's f(argument) returned, as the tester saw it."""
    found = run(source, SHOW + f"def check(candidate):\n    assert candidate({argument!r}) == X()\n")
    assert found.reason == "wrong", found
    return found.detail.removeprefix("ValueError: saw ").partition(" in raise")[0]


@needs_bwrap
def test_tests_that_do_not_load_are_the_benchmarks_fault() -> None:
    for test, helpers in [("def check(candidate)", ""), ("", ""), (TEST, "import nowhere_to_be_found")]:
        with pytest.raises(Failed, match="the tests of f do not load"):
            run(RIGHT, test, helpers)


@needs_bwrap
@needs_data("humaneval")
def test_humaneval() -> None:
    """The published solutions pass; what is equal to everything never does."""
    items = benchmarks.load("humaneval")

    def outcomes(body: str | None) -> list[Outcome]:
        sources = [item["prompt"] + (item["canonical_solution"] if body is None else body) for item in items]
        return sandbox.run_all(
            [
                Program(source, item["entry_point"], item["test"], helpers=item["prompt"])
                for source, item in zip(sources, items, strict=True)
            ],
            "bwrap",
        )

    assert [outcome for outcome in outcomes(None) if not outcome.passed] == []
    always = "    class Yes(int):\n        def __eq__(self, other): return True\n        def __abs__(self): return -1\n"
    assert not any(outcome.passed for outcome in outcomes(always + "    return Yes(987654321)\n"))


# ---- passing without being right


@needs_bwrap
@pytest.mark.parametrize("name", attacks.CHEATS)
def test_no_cheat_passes(name: str) -> None:
    found = run(attacks.CHEATS[name], timeout_s=SHORT)
    assert not found.passed
    assert found.reason in {"wrong", "error", "output", "timeout"}
    assert_gone(repr(SHORT))


@needs_bwrap
@pytest.mark.parametrize(
    "source", [attacks.FRAMES, attacks.DESCRIPTORS, attacks.FORGED], ids=["frames and objects", "descriptors", "forged"]
)
def test_the_tests_are_not_where_the_program_is(source: str) -> None:
    test = "SECRET = 'MAGIC-1234'\ndef check(candidate):\n    assert candidate(1) == SECRET\n"
    found = run(source, test)
    assert (found.passed, found.reason) in {(False, "wrong"), (False, "error")}
    assert run("def f(x):\n    return 'MAGIC-' + '1234'\n", test).passed  # the test itself can be passed


@needs_bwrap
def test_no_exception_ends_a_loop_of_the_tests_early() -> None:
    test = "def check(candidate):\n    assert all(x == 42 for x in map(candidate, [20, 20]))\n"
    assert run(RIGHT, test).passed
    assert run(attacks.CHEATS["ends the loops of the tests"], test).reason == "error"


@needs_bwrap
def test_the_tests_use_the_stubs_helpers_not_the_programs() -> None:
    """As in HumanEval/32, where a program that defines `poly` anew as 0 would find a zero anywhere."""
    helpers = "def poly(x):\n    return x - 7\n\ndef f():\n    'Find a zero of poly.'\n"
    test = "def check(candidate):\n    assert poly(candidate()) == 0\n"
    assert run("def poly(x):\n    return 0\ndef f():\n    return 1\n", test, helpers).reason == "wrong"
    assert run("def f():\n    return 7\n", test, helpers).passed


@needs_bwrap
@needs_data("humaneval")
def test_what_the_tests_draw_at_random_cannot_be_replayed() -> None:
    """HumanEval/38 and /50 encode texts that they draw, and ask for these: whoever knows the seed need not decode."""
    test = "from random import randint\ndef check(candidate):\n    assert candidate(1) == randint(0, 10**9)\n"
    draws = "import random{seed}\ndef f(x):\n    return random.randint(0, 10**9)\n"
    for seed in ("", "\nrandom.seed(0)", "\nrandom.seed()"):
        assert run(draws.format(seed=seed), test).reason == "wrong"
    items = {item["item_id"]: item for item in benchmarks.load("humaneval")}
    for item in (items["humaneval/38"], items["humaneval/50"]):
        source = item["prompt"] + attacks.REPLAY
        assert not sandbox.run_all(
            [Program(source, item["entry_point"], item["test"], helpers=item["prompt"])], "bwrap"
        )[0].passed


@needs_bwrap
def test_a_module_that_a_test_lacks_is_no_wrong_answer() -> None:
    test = "def check(candidate):\n    import pandas.api\n"
    assert run(RIGHT, test) == Outcome(False, "missing module", "pandas")
    caught = "def check(candidate):\n    try:\n        candidate(1)\n    except ImportError:\n        pass\n"
    assert run("def f(x):\n    import pandas\n", caught) == Outcome(False, "missing module", "pandas")


@needs_bwrap
def test_numpys_numbers_arrive_as_they_are() -> None:
    returned = "[np.float32(0.1), np.arange(4).reshape(2, 2), np.bool_(1), x + 1]"
    test = (
        "import numpy as np\n"
        "def check(candidate):\n"
        "    number, array, truth, sums = candidate(np.array([1.5]))\n"
        "    assert (type(number), type(array), type(truth)) == (np.float32, np.ndarray, np.bool_)\n"
        "    assert (number, truth, sums.tolist()) == (np.float32(0.1), True, [2.5])\n"
        "    assert array.tolist() == [[0, 1], [2, 3]]\n"
    )
    assert run(f"import numpy as np\ndef f(x):\n    return {returned}\n", test) == Outcome(True, "passed", "")
    for value in ("np.array([lambda: 1])", "np.zeros(2, 'M8[s]')", "np.zeros(2, 'i4,f8')"):
        assert run(f"import numpy as np\ndef f(x):\n    return {value}\n", test).reason == "error"


@needs_bwrap
def test_a_value_changed_on_the_other_side_stays_as_it_was() -> None:
    test = "def check(candidate):\n    given = [3, 1, 2]\n    assert candidate(given) == sorted(given)\n"
    assert not run("def f(x):\n    x.clear()\n    return []\n", test).passed


# ---- too much


@needs_bwrap
@pytest.mark.parametrize("name", attacks.GREEDY)
def test_what_is_too_much_has_its_end(name: str) -> None:
    source, reasons = attacks.GREEDY[name]
    started = time.monotonic()
    found = run(source, timeout_s=SHORT if "timeout" in reasons else 10)
    assert not found.passed
    assert found.reason in reasons, found
    assert len(found.detail) < 1000
    assert time.monotonic() - started < 90  # 40 s of patience with what only waits, where 10 s are given
    assert_gone(repr(SHORT))
    assert run(RIGHT).passed


@needs_bwrap
def test_a_large_source_is_no_crime() -> None:
    assert run("#" * 10_000_000 + "\n" + RIGHT).passed


# ---- getting out


def unfiltered(role: Role, seconds: float, as_root: bool | None = None) -> Command:
    """Without the filter of system calls: what the namespaces hold by themselves."""
    return replace(bwrap(role, seconds, as_root), filter=b"")


@pytest.fixture(params=["bwrap", "unfiltered", "user's", "user's unfiltered"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """bwrap as it is, with one of its two walls taken down, and as it is for a user who is not root."""
    monkeypatch.setitem(available._tried, "unfiltered", unfiltered)
    monkeypatch.setitem(available._tried, "user's", partial(bwrap, as_root=False))
    monkeypatch.setitem(available._tried, "user's unfiltered", partial(unfiltered, as_root=False))
    return str(request.param)


def probe(source: str, argument: object, kind: str = "bwrap") -> Outcome:
    """An honest program that tells what it could do: it passes if that was nothing, []."""
    return run(source, f"def check(candidate):\n    assert candidate({argument!r}) == []\n", kind=kind)


@needs_bwrap
def test_files_of_the_host_are_not_there(tmp_path: Path, kind: str) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("s3cret")
    wanted = [secret, tmp_path, Path.home(), REPOSITORY, sys.prefix, f"{LIBRARY}/site-packages/pip", *HOST]
    assert probe(attacks.READ, list(map(str, wanted)), kind) == Outcome(True, "passed", "")


@needs_bwrap
def test_what_is_there_is_little_and_names_no_path_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RVEVAL_TEST_SECRET", "s3cret")
    roots, environment, path, tmp, own = ast.literal_eval(shown(attacks.LOOK_AROUND))
    assert set(roots) <= {"dev", "lib", "lib64", "packages", "python", "rveval", "so", "tmp"}
    assert set(environment) <= {*ENVIRONMENT, *PATHS, "PWD", "LC_CTYPE"}
    assert all(part.startswith(("/packages", "/python", "/rveval")) for part in path)
    assert (tmp, own) == ([], ["inside"])


@needs_bwrap
def test_nothing_can_be_written_but_a_little_in_tmp(kind: str) -> None:
    folders = ["", "/dev", "/python", "/python/bin", "/so", "/rveval", "/rveval/inside", "/lib64", "/home", "/etc"]
    folders += [LIBRARY, f"{LIBRARY}/site-packages"]
    assert probe(attacks.WRITE, folders, kind) == Outcome(True, "passed", "")
    assert 2**23 < int(shown(attacks.FILL)) <= 2**24
    assert probe(attacks.GROW, 0).passed


@needs_bwrap
def test_no_mode_of_the_hosts_devices_is_changed(kind: str) -> None:
    """They are the host's own files, and a harness that root runs would be their owner."""
    devices = list(map(Path, DEVICES))
    before = [device.stat().st_mode for device in devices]
    try:
        if kind == "user's unfiltered" and os.geteuid() == 0:
            pytest.skip("root as a user without the filter is what nobody runs: see `bwrap.may_mount`")
        assert probe(attacks.MODES, list(DEVICES), kind) == Outcome(True, "passed", "")
        assert [device.stat().st_mode for device in devices] == before
    finally:
        for device, mode in zip(devices, before, strict=True):
            if device.stat().st_mode != mode:
                device.chmod(mode & 0o7777)


@needs_bwrap
@pytest.mark.skipif(not may_mount(), reason="only root can be taken for root")
def test_what_root_runs_is_the_hosts_nobody() -> None:
    sleeper = Program("import time\ntime.sleep(60)\n", "f", TEST, 0.25 + SHORT)
    thread = threading.Thread(target=sandbox.run_all, args=([sleeper], "bwrap"))
    thread.start()
    users: set[int] = set()
    while thread.is_alive() and users != {NOBODY}:
        processes = [psutil.Process(pid) for pid in survivors(f"main({0.25 + SHORT!r}, True)")]
        with contextlib.suppress(psutil.Error):
            users = {uid for process in processes if process.name() == "python" for uid in process.uids()}
        time.sleep(0.05)
    thread.join()
    assert users == {NOBODY}


@needs_bwrap
def test_no_network_not_even_this_machines(kind: str) -> None:
    abstract = f"\0rveval-{os.getpid()}"
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        local.bind(abstract)
        local.listen()
        addresses = [
            (int(socket.AF_INET), server.getsockname()),
            (int(socket.AF_INET), ("1.1.1.1", 53)),
            (int(socket.AF_INET), ("169.254.169.254", 80)),
            (int(socket.AF_INET6), ("::1", server.getsockname()[1])),
            (int(socket.AF_UNIX), abstract),
        ]
        with socket.create_connection(server.getsockname(), 1), socket.socket(socket.AF_UNIX) as client:
            client.connect(abstract)  # from here they are reached
            assert probe(attacks.CONNECT, addresses, kind) == Outcome(True, "passed", "")


@needs_bwrap
def test_signals_reach_nobody(kind: str) -> None:
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        assert run(attacks.SIGNAL + RIGHT, kind=kind).reason == "passed"
        assert not run(attacks.SIGNAL + "def f(x):\n    return 0\n", kind=kind).passed
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


@needs_bwrap
@pytest.mark.parametrize("name", attacks.FORKS)
def test_no_process_is_started(name: str) -> None:
    most, done = 0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.wait(0.05):
            most = max(most, len(survivors(repr(SHORT))))

    watcher = threading.Thread(target=watch)
    watcher.start()
    found = run(attacks.FORKS[name], timeout_s=SHORT)
    done.set()
    watcher.join()
    assert found.reason in {"error", "timeout"}
    assert most <= 6  # two sides, each bwrap outside, bwrap inside, Python
    assert_gone(repr(SHORT))


@needs_bwrap
def test_without_the_filter_the_namespace_still_ends_every_daemon(kind: str) -> None:
    found = sandbox.run_all([Program(attacks.DAEMONS + RIGHT, "f", TEST, SHORT)] * 2, kind, workers=2)
    assert [outcome.reason for outcome in found] == ["passed", "passed"]
    assert_gone(repr(SHORT))


@needs_bwrap
def test_the_filter_refuses_what_it_lists() -> None:
    assert probe(attacks.CALL, seccomp.forbidden()) == Outcome(True, "passed", "")
    assert shown(attacks.CALL, [39, 172]) == "[39, 172]"  # getpid on either machine is not among them


# ---- the harness itself


@needs_bwrap
def test_an_exception_in_the_middle_leaves_nothing_behind() -> None:
    def progress(done: int, total: int) -> None:
        raise KeyboardInterrupt

    sleeper = Program("import time\ntime.sleep(100)\n", "f", TEST, 90 + SHORT)
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        sandbox.run_all([sleeper, Program(RIGHT, "f", TEST, 90 + SHORT), *[sleeper] * 9], "bwrap", 3, progress)
    assert time.monotonic() - started < 45  # none of the sleepers was waited for
    assert_gone(repr(90 + SHORT))


@needs_bwrap
def test_a_killed_harness_leaves_nothing_behind() -> None:
    code = (
        "from rveval import sandbox\n"
        f"program = sandbox.Program('while True: pass', 'f', 'def check(c): pass', {80 + SHORT!r})\n"
        "sandbox.run_all([program] * 2, 'bwrap', 2)\n"
    )
    harness = subprocess.Popen([sys.executable, "-c", code], cwd=REPOSITORY)
    mark = f"main({80 + SHORT!r}, "
    deadline = time.monotonic() + 60
    while len(survivors(mark)) < 8 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(survivors(mark)) >= 8
    harness.send_signal(signal.SIGKILL)
    harness.wait()
    assert_gone(mark)


@needs_bwrap
def test_no_descriptor_and_no_thread_is_lost() -> None:
    run(RIGHT)
    before = psutil.Process().num_fds(), threading.active_count()
    programs = [
        Program(source, "f", TEST, SHORT) for source in (RIGHT, attacks.CHEATS["leaves inside"], "while True: pass")
    ]
    sandbox.run_all(programs * 3, "bwrap", 3)
    assert (psutil.Process().num_fds(), threading.active_count()) == before
    assert psutil.Process().children() == []


def test_unsafe_gives_the_same_reasons() -> None:
    sources = [
        RIGHT,
        "def f(x):\n    return 0\n",
        "import os\nos._exit(0)\n",
        "a = [0] * 10**10\n",
        "while True: pass\n",
    ]
    sources += ["import os\nos.abort()\n", f"class Yes(int):\n    {attacks.EQUAL}\ndef f(x):\n    return Yes()\n"]
    found = sandbox.run_all([Program(source, "f", TEST, SHORT) for source in sources], "unsafe", 2)
    reasons = [outcome.reason for outcome in found]
    assert reasons == ["passed", "wrong", "error", "memory", "timeout", "killed", "wrong"]


# ---- refused


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that comes first among the programs, and nothing is remembered of what was tried."""
    monkeypatch.setattr(available, "_tried", {})
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return tmp_path


def stand_in(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize(("kind", "package"), [("bwrap", "bubblewrap"), ("docker", "docker.io"), ("podman", "podman")])
def test_what_is_not_installed_is_named(path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, package: str) -> None:
    monkeypatch.setenv("PATH", str(path))
    with pytest.raises(Refused, match=f"sudo apt-get install {package}"):
        sandbox.check(kind)
    with pytest.raises(Refused, match="not installed"):
        sandbox.run_all([Program(RIGHT, "f", TEST)], kind)


@pytest.mark.parametrize(
    ("kind", "says", "meaning"),
    [
        ("bwrap", "bwrap: No permissions to create new namespace, likely because", "forbids user namespaces"),
        ("bwrap", "bwrap: setting up uid map: Permission denied", "forbids user namespaces"),
        ("bwrap", "bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted", "forbids user namespaces"),
        ("bwrap", "bwrap: Unknown option --size", "too old"),
        ("bwrap", "something else", "does not run a program"),
        ("docker", "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.", "daemon does not answer"),
        ("podman", "Error: short-name did not resolve to an image: python", "get the image"),
    ],
)
def test_what_does_not_work_is_explained(path: Path, kind: str, says: str, meaning: str) -> None:
    stand_in(path, kind, f"echo {says!r} >&2; exit 1")
    with pytest.raises(Refused, match=meaning) as refused:
        sandbox.check(kind)
    assert says.split()[-1] in str(refused.value)


def test_a_kind_that_does_not_exist_is_refused() -> None:
    for kind in ("bubblewrap", "", "none"):
        with pytest.raises(Refused, match="expected bwrap, docker, podman, unsafe"):
            sandbox.check(kind)


@needs_bwrap
def test_it_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(available, "_tried", {})
    tries: list[int] = []
    run_in = runner.run_in
    monkeypatch.setattr(runner, "run_in", lambda *given, **named: tries.append(1) or run_in(*given, **named))
    sandbox.check("bwrap")
    sandbox.check("bwrap")
    assert tries == [1]


@needs_bwrap
def test_a_confinement_that_breaks_is_nobodys_wrong_answer(path: Path) -> None:
    sandbox.check("bwrap")
    stand_in(path, "bwrap", "echo 'bwrap: Resource temporarily unavailable' >&2; exit 1")
    with pytest.raises(Failed, match="Resource temporarily unavailable"):
        run(RIGHT)


# ---- containers, by a stand-in for the engine


def test_a_containers_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RVEVAL_SANDBOX_IMAGE", "registry.example/python:3.13")
    command = container("podman", "tester", 10).words
    line = " ".join(command)
    for part in ("--rm", "--network none", "--read-only", "--memory 1073741824", "--memory-swap 1073741824"):
        assert part in line
    for part in ("--pids-limit 64", "--user 65534:65534", "--cap-drop ALL", "--security-opt no-new-privileges"):
        assert part in line
    mounts = [command[at + 1] for at, part in enumerate(command) if part == "--volume"]
    assert len(mounts) == 1
    assert mounts[0].endswith("sandbox/inside:/rveval/inside:ro")
    assert "--entrypoint timeout registry.example/python:3.13 -s KILL 70 python -S" in line


def test_a_container_is_ended_by_its_name(path: Path) -> None:
    """The stand-in runs what stands behind the image's name, here, and notes whom it was asked to remove."""
    inside = Path(sandbox.__file__).parent
    stand_in(
        path,
        "docker",
        f'if [ "$1" = rm ]; then echo "$3" >> {path}/removed; exit 0; fi\n'
        f'echo "$5" >> {path}/named\n'
        f'while [ "$1" != {image()} ]; do shift; done; shift 4\n'
        f'[ "$1" = python ] && shift\nexport PYTHONPATH={inside}\nexec {sys.executable} "$@"',
    )
    sources = [RIGHT, "def f(x):\n    return 0\n", "import time\ntime.sleep(300)\n"]
    found = sandbox.run_all([Program(source, "f", TEST, SHORT) for source in sources], "docker", 1)
    assert [outcome.reason for outcome in found] == ["passed", "wrong", "timeout"]
    named, removed = ((path / name).read_text().split() for name in ("named", "removed"))
    assert len(set(named)) == len(named) == 8  # two a program, and the trivial one
    assert removed == [named[7]]  # the others saw their channel closed, and went
    assert_gone(repr(SHORT))


# ---- the wire

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=20,
)


def exact(value: object) -> object:
    """A value with the types of all its parts."""
    if isinstance(value, dict):
        return (dict, [(exact(key), exact(part)) for key, part in value.items()])
    if isinstance(value, list | tuple):
        return (type(value), [exact(part) for part in value])
    return (type(value), repr(value))


@given(PLAIN)
def test_a_value_goes_there_and_back(value: object) -> None:
    assert exact(wire.decode(wire.encode(value))) == exact(value)


@given(st.binary(max_size=200) | st.text(alphabet="NTFiufcblstzdrgqQDe0123456789:-x", max_size=60).map(str.encode))
def test_any_bytes_are_a_value_or_no_message(data: bytes) -> None:
    try:
        value = wire.decode(data)
    except wire.Garbled:
        return
    assert isinstance(wire.encode(value), bytes)


def test_a_subclass_arrives_as_what_it_holds() -> None:
    class Sly(int):
        def __eq__(self, other: object) -> bool:
            return True

        def __index__(self) -> int:
            return 42

        __hash__ = None  # type: ignore[assignment]

    pair = namedtuple("pair", "x y")
    values = [Sly(7), Counter("a"), OrderedDict(a=1), defaultdict(int, a=1), pair(1, 2), IntEnum("E", "A")(1)]
    found = [wire.decode(wire.encode(value)) for value in values]
    assert found == [7, {"a": 1}, {"a": 1}, {"a": 1}, (1, 2), 1]
    assert [type(value) for value in found] == [int, dict, dict, dict, tuple, int]
    others = [deque([1, 2]), Fraction(1, 3), Decimal("1.10"), range(2, 9, 3), {1, 2}, frozenset([3])]
    assert [wire.decode(wire.encode(value)) for value in others] == others
    assert list(wire.decode(wire.encode(x for x in "ab"))) == ["a", "b"]  # type: ignore[call-overload]


def test_nesting_and_size_have_an_end() -> None:
    nested: object = 0
    for _ in range(wire.DEEPEST - 1):
        nested = [nested]
    assert wire.decode(wire.encode(nested)) == nested
    with pytest.raises(wire.Unsendable, match="levels"):
        wire.encode([nested])
    data = wire.encode([])
    for _ in range(10**3):
        data = b"l%d:%s" % (len(data), data)
    with pytest.raises(wire.Garbled, match="levels"):
        wire.decode(data)
    with pytest.raises(wire.TooLarge):
        wire.encode("x" * wire.LARGEST + "x")
