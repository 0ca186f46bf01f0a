"""The guard against code that is not linear ends what would take minutes, and nothing else."""

from __future__ import annotations

import re
import signal
import time
from itertools import count

import pytest
from cpu import at_most, long


@pytest.mark.parametrize(("pattern", "unit"), [(r"\s+$", " "), (r"(?:a|b)*?c", "a"), (r"[^x]*\bx", "a")])
def test_a_search_that_is_quadratic_is_ended(pattern: str, unit: str) -> None:
    """Each of them would search a megabyte for many minutes."""
    with pytest.raises(pytest.fail.Exception, match=r"not done after 0\.2 s"), at_most(0.2):
        re.search(pattern, long(unit) + "a")


def test_a_loop_that_does_not_end_is_ended() -> None:
    with pytest.raises(pytest.fail.Exception, match="processor time"), at_most(0.1):
        all(number >= 0 for number in count())


def test_what_is_done_in_time_is_left_alone_and_nothing_stays() -> None:
    before = signal.getsignal(signal.SIGPROF)
    with at_most(0.2):
        time.sleep(0.5)  # waiting is no work
        assert signal.getitimer(signal.ITIMER_PROF)[0] > 0
    assert signal.getitimer(signal.ITIMER_PROF) == (0, 0)
    assert signal.getsignal(signal.SIGPROF) == before
    with pytest.raises(KeyError), at_most(0.2):
        raise KeyError
    assert signal.getitimer(signal.ITIMER_PROF) == (0, 0)
