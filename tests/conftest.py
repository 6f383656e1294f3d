"""What the tests of every directory have in common."""

import gc

import pytest

# What is collected is kept to the end: looked through for garbage again and again, it costs each of
# the processes a third of the time that collecting takes, and later a tenth of a second each time.
gc.disable()


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """From here on there is garbage, among what is new."""
    gc.collect()
    gc.freeze()
    gc.enable()
