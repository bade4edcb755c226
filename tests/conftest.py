"""The order of the tests: what is quick and precise first, the browser last."""

from pathlib import Path

ORDER = ("unit", "notebooks", "browser")


def pytest_collection_modifyitems(items):
    # Playwright keeps an event loop running in the main thread from its first test on; asyncio allows one.
    items.sort(key=lambda item: ORDER.index(Path(item.path).parent.name))
