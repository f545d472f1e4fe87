"""A forked child that must end by itself, and well."""

import os
import time

import pytest


def check_child(child: int, seconds: float = 20) -> None:
    """Fail unless the process `child` ends with status 0 within `seconds`; it is killed where it hangs."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            assert os.waitstatus_to_exitcode(status) == 0
            return
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    pytest.fail("the child hangs")
