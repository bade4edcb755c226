"""Settings of all tests: their order, what is quick and precise first, and no deadlines for properties."""

from pathlib import Path

from hypothesis import HealthCheck, settings

# How long an example takes says something about the machine alone.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

ORDER = ("unit", "fuzz", "notebooks", "browser")


def pytest_collection_modifyitems(items):
    # Playwright keeps an event loop running in the main thread from its first test on; asyncio allows one.
    items.sort(key=lambda item: ORDER.index(Path(item.path).parent.name))
