# ruff: noqa: E501  (programs, most of them one a line)
"""Hostile programs: the entry point is f, and it would be right to return 2 * x + 2."""

from __future__ import annotations

RIGHT = "def f(x):\n    return 2 * x + 2\n"

# ---- passing without being right

FRAMES = """
import gc, sys
def f(x):
    texts, frame = [], sys._getframe()
    while frame is not None:
        texts += [repr(frame.f_locals), repr(frame.f_globals), repr(frame.f_code.co_consts)]
        frame = frame.f_back
    for thing in gc.get_objects():
        if isinstance(thing, (list, tuple, dict, set)):
            texts += [part for part in thing if isinstance(part, str)]
    for text in texts:
        if 'MAGIC-' in text and 'MAGIC-' + '1' in text:
            return text[text.index('MAGIC-' + '1'):][:10]
    return 'not found'
"""
DESCRIPTORS = """
import os, glob
found = b''
for number in range(64):
    try:
        os.set_blocking(number, False)
        found += os.read(number, 10**6)
    except OSError:
        pass
for pattern in ('/proc/*/environ', '/proc/*/cmdline', '/proc/*/mem', '/tmp/*', '/*', '/rveval/**'):
    for path in glob.glob(pattern, recursive=True):
        try:
            found += path.encode() + open(path, 'rb').read(10**6)
        except OSError:
            pass
def f(x):
    return 'MAGIC-' + '1234' if b'MAGIC-' + b'1234' in found else 'not found'
"""
FORGED = """
import os, sys
def frame(value):
    from inside import wire
    data = wire.encode(value)
    return len(data).to_bytes(4, 'big') + data
verdict = b'ready\\npassed\\t\\n'
for number in range(64):
    for message in (frame(('loaded',)), frame(('value', True)), frame(('value', 'MAGIC-')), verdict):
        try:
            os.write(number, message)
        except OSError:
            pass
def f(x):
    return 0
"""
# The body of HumanEval/38 and /50 for whoever knows what their tests draw.
REPLAY = """
    import random, string
    global drawn
    if 'drawn' not in globals():
        drawn = random.Random(0)
    return ''.join(drawn.choice(string.ascii_lowercase) for i in range(drawn.randint(10, 20)))
"""
EQUAL = "__eq__ = lambda self, other: True\n    __ne__ = lambda self, other: False\n    __hash__ = lambda self: 0\n"
CHEATS = {
    "leaves at import": "import os\nos._exit(0)\n" + RIGHT,
    "exits at import": "import sys\nsys.exit(0)\n" + RIGHT,
    "quits at import": "raise SystemExit(0)\n" + RIGHT,
    "leaves inside": "import os\ndef f(x):\n    os._exit(0)\n",
    "exits inside": "import sys\ndef f(x):\n    sys.exit(0)\n",
    "interrupts": "def f(x):\n    raise KeyboardInterrupt\n",
    "leaves at the second call": "import os\nn = []\ndef f(x):\n    n.append(x)\n    return 42 if len(n) == 1 else os._exit(0)\n",
    "prints success": "print('ready\\npassed\\t')\nimport sys\nprint('passed', file=sys.stderr)\ndef f(x):\n    return print('passed')\n",
    "defines check": "def check(candidate):\n    return True\ndef f(x):\n    return 0\n",
    "check among builtins": "import builtins\nbuiltins.check = lambda c: True\n__builtins__['check'] = builtins.check\ndef f(x):\n    return 0\n",
    "another AssertionError": "import builtins\nbuiltins.AssertionError = SystemExit\nclass AssertionError(BaseException): pass\ndef f(x):\n    return 0\n",
    "patches the modules it finds": "import sys\nfor m in list(sys.modules.values()):\n    for n in ('main', '_run', 'check', 'decode', 'receive', 'encode'):\n        if hasattr(m, n): setattr(m, n, lambda *a, **k: ('passed', ''))\ndef f(x):\n    return 0\n",
    "patches the interpreter": "import builtins\nbuiltins.exec = builtins.compile = builtins.isinstance = lambda *a, **k: True\ndef f(x):\n    return 0\n",
    "equal object": f"class Yes:\n    {EQUAL}\ndef f(x):\n    return Yes()\n",
    "unittest's ANY": "from unittest.mock import ANY\ndef f(x):\n    return ANY\n",
    "claims to be an int": f"class Yes:\n    __class__ = int\n    {EQUAL}\ndef f(x):\n    return Yes()\n",
    "ends the loops of the tests": "def f(x):\n    raise StopIteration\n",
    "optimised": "import sys, os\nos.execv(sys.executable, [sys.executable, '-O', '-c', 'print(1)'])\n",
    "forges messages": FORGED,
    "forges messages and leaves": FORGED + "os._exit(0)\n",
    "forges messages and waits": FORGED + "import time\ntime.sleep(60)\n",
    "floods its channel": "import os\nwhile True:\n    for n in range(3, 8):\n        try: os.write(n, b'\\0' * 65536)\n        except OSError: pass\n",
    "closes everything": "import os, time\nos.closerange(0, 64)\ntime.sleep(60)\n",
} | {
    f"equal {base}": f"class Yes({base}):\n    {EQUAL}\ndef f(x):\n    return Yes()\n"
    for base in ("int", "float", "str", "list", "tuple", "dict", "set", "bytes", "complex")
}  # fmt: skip

# ---- too much

GREEDY = {
    "endless loop": ("def f(x):\n    while True: pass\n", {"timeout"}),
    "loop that takes every exception": ("def f(x):\n    while True:\n        try:\n            while True: pass\n        except BaseException: pass\n", {"timeout"}),
    "ignores signals": ("import signal, time\nfor n in range(1, 65):\n    try: signal.signal(n, signal.SIG_IGN)\n    except (OSError, ValueError): pass\nwhile True: time.sleep(1)\n", {"timeout"}),
    "stops itself": ("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\n", {"timeout"}),
    "endless output": ("while True: print('x' * 10**6)\n", {"output", "timeout"}),
    "endless errors": ("import sys\nwhile True: sys.stderr.write('x' * 10**6)\n", {"output", "timeout"}),
    "memory at once": ("def f(x):\n    return len(bytearray(8 * 2**30))\n", {"memory"}),
    "memory bit by bit": ("def f(x):\n    a = []\n    while True: a.append(bytearray(2**20))\n", {"memory"}),
    "mapped memory": ("import mmap\ndef f(x):\n    a = []\n    while True: a.append(mmap.mmap(-1, 2**26))\n", {"error", "memory"}),
    "memory at import": ("a = [0] * 10**10\n", {"memory"}),
    "giant power": ("def f(x):\n    return 10**10**8\n", {"timeout", "output"}),
    "giant integer": ("def f(x):\n    return 1 << 10**8\n", {"output"}),
    "giant list": ("def f(x):\n    return [None] * 10**8\n", {"output"}),
    "giant text": ("def f(x):\n    return 'x' * 10**8\n", {"output"}),
    "a list a billion billion times itself": ("def f(x):\n    a = []\n    for _ in range(60): a = [a, a]\n    return a\n", {"output"}),
    "endless iterator": ("import itertools\ndef f(x):\n    return itertools.count()\n", {"output"}),
    "a list in itself": ("def f(x):\n    a = []\n    a.append(a)\n    return a\n", {"error"}),
    "deeply nested value": ("def f(x):\n    a = []\n    for _ in range(10**6): a = [a]\n    return a\n", {"error", "killed"}),
    "recursion": ("def f(x):\n    return f(x) + 1\n", {"error"}),
    "recursion without end": ("import sys\nsys.setrecursionlimit(2**30)\ndef f(x):\n    return f(x) + 1\n", {"memory", "killed", "timeout"}),
    "recursion in C": ("import sys\nsys.setrecursionlimit(2**30)\na = []\nfor _ in range(10**6): a = [a]\ndef f(x):\n    return repr(a)\n", {"killed", "memory", "error"}),
    "null pointer": ("import ctypes\ndef f(x):\n    return ctypes.string_at(0)\n", {"killed"}),
    "aborts": ("import os\ndef f(x):\n    os.abort()\n", {"killed"}),
    "alarm": ("import signal, time\nsignal.alarm(1)\ntime.sleep(60)\n", {"killed", "timeout"}),
    "kills itself": ("import os\ndef f(x):\n    os.kill(os.getpid(), 9)\n", {"killed"}),
    "kills its group": ("import os\ndef f(x):\n    os.killpg(0, 9)\n", {"killed"}),
    "10 MB of statements": ("x = 1\n" * 1_700_000, {"error", "memory", "timeout", "killed"}),
    "10 MB of brackets": ("(" * 10_000_000, {"error", "memory"}),
    "10 MB of operators": ("x = " + "-" * 10_000_000 + "1\n", {"error", "memory", "killed", "timeout"}),
    "40 MB": ("#" * 40_000_000, {"error"}),
    "NUL": ("x = 1\0\n" + RIGHT, {"error"}),
    "surrogates": ("x = '\ud800'\n" + RIGHT, {"error"}),
    "bytes that are no UTF-8": (b"x = '\xff\xfe'\n".decode("utf-8", "surrogateescape") + RIGHT, {"error"}),
}  # fmt: skip

# ---- getting out: honest programs that tell what they could do

READ = """
import os
def f(paths):
    found = []
    for path in paths:
        try:
            found.append((path, os.listdir(path) if os.path.isdir(path) else open(path).read(10)))
        except OSError:
            pass
    return found
"""
LOOK_AROUND = """
import os, sys
def f(x):
    return [sorted(os.listdir('/')), sorted(os.environ), sys.path, os.listdir('/tmp'), os.listdir('/rveval')]
"""
WRITE = """
import os
def f(folders):
    found = []
    for folder in folders:
        for act in (lambda: open(folder + '/x', 'w'), lambda: os.mkdir(folder + '/y'), lambda: os.rename(folder, '/tmp/z')):
            try:
                act()
                found.append(folder)
            except OSError:
                pass
    return found
"""
MODES = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def f(paths):
    found = []
    for number in range(64):
        try:
            os.fchmod(number, 0o667)
            found.append(number)
        except OSError:
            pass
    for path in paths:
        mode = os.stat(path).st_mode & 0o7777 ^ 0o001
        with open(path, 'rb') as file:
            acts = {
                'chmod': lambda: os.chmod(path, mode),
                'fchmod': lambda: os.fchmod(file.fileno(), mode),
                'chmod of a descriptor': lambda: os.chmod(file.fileno(), mode),
                'fchmodat': lambda: os.chmod(os.path.basename(path), mode, dir_fd=os.open('/dev', os.O_RDONLY)),
                'setxattr': lambda: os.setxattr(path, 'system.posix_acl_access', bytes.fromhex(
                    '02000000' '01000700ffffffff' '04000700ffffffff' '20000700ffffffff')),
                'rename': lambda: os.rename(path, path + '2'),
                'unlink': lambda: os.unlink(path),
            }
            for name, act in acts.items():
                try:
                    act()
                    found.append((name, path))
                except OSError:
                    pass
            for number in (452, 463, 469):
                if libc.syscall(number, -100, path.encode(), mode, 0, 0, 0) == 0:
                    found.append((number, path))
    return found
"""
FILL = """
def f(x):
    written = 0
    try:
        for i in range(100):
            with open(f'/tmp/{i}', 'wb', 0) as file:
                for _ in range(8):
                    written += file.write(bytes(2**20))
    except OSError:
        pass
    return written
"""
GROW = """
def f(x):
    try:
        open('/tmp/a', 'wb').truncate(2**40)
    except OSError:
        return []
"""
CONNECT = """
import socket
def f(addresses):
    found = []
    for family, address in addresses:
        try:
            with socket.socket(family) as s:
                s.settimeout(0.5)
                s.connect(address)
            found.append(address)
        except OSError:
            pass
    return found
"""
SIGNAL = """
import os, signal
for target in (os.getppid(), 1, -1, *range(2, 400)):
    for number in (signal.SIGTERM, signal.SIGKILL):
        if target != os.getpid():
            try:
                os.kill(target, number)
            except OSError:
                pass
"""
DAEMONS = """
import os, time
for _ in range(3):
    try:
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.closerange(0, 64)
                time.sleep(600)
            os._exit(0)
    except OSError:
        pass
"""
CALL = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def f(numbers):
    found = []
    for number in numbers:
        ctypes.set_errno(0)
        if (libc.syscall(number, 0, 0, 0, 0, 0), ctypes.get_errno()) != (-1, 1):
            found.append(number)
    return found
"""
FORKS = {
    "bomb": "import os\nwhile True: os.fork()\n",
    "stubborn bomb": "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass\n",
    "command": "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', '1'])\n",
    "threads": "import threading\nwhile True: threading.Thread(target=lambda: 1).start()\n",
    "multiprocessing": "import multiprocessing as m\nm.Process(target=print).start()\n",
    "libc": "import ctypes\nc = ctypes.CDLL(None)\nwhile True: c.fork()\n",
    "system call": "import ctypes\nc = ctypes.CDLL(None)\nwhile True: c.syscall(56, 17, 0, 0, 0, 0)\n",
}
