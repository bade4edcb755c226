"""Settings of all tests: one thread, their order, and no deadlines for properties."""

import os
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, settings

# Before anybody loads torch or numpy, and for the kernels too: the data are small, and threads that wait for
# each other on a busy machine take many times what they save. Tests of threads set their number themselves.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# How long an example takes says something about the machine alone.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

ORDER = ("unit", "fuzz", "notebooks", "browser")


def pytest_collection_modifyitems(items):
    # What is quick and precise comes first. Playwright keeps an event loop running in the main thread from
    # its first test on, and asyncio allows one. Large files before small ones: two workers end together.
    sizes = Counter(item.path for item in items)
    items.sort(key=lambda item: (ORDER.index(Path(item.path).parent.name), -sizes[item.path], item.path))
