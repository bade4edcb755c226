"""Everything a page may ask: one typed function each, registered under its name."""

from __future__ import annotations

from importlib.util import find_spec

from dvi_widget.widget.request import REQUESTS, Request
from dvi_widget.widget.scene import Scene
from dvi_widget.widget.wire import Answer, Report, RequestError, quoted, silence

from . import (  # noqa: F401 - importing registers them
    columns,
    landscapes,
    samples,
    solid,
    tables,
)

if find_spec("torch") is not None:  # without it, a landscape from a file is shown
    from . import borders, models, points, predictions  # noqa: F401


def find(name: object) -> Request:
    """Find a request by its name.

    Raises
    ------
    RequestError
        If there is no such request.
    """
    if not isinstance(name, str) or name not in REQUESTS:
        raise RequestError(
            f"op must be a request that the kernel knows; got {quoted(name)}. Reload the page if another "
            "version of dvi_widget was installed."
        )
    return REQUESTS[name]


def ask(scene: Scene, name: object, args: object, report: Report = silence) -> Answer:
    """Answer one request here and now.

    Parameters
    ----------
    scene
        Everything the explorer presents.
    name, args
        As a page sends them; nothing about them is taken for granted.
    report
        Called while a long request is answered; may raise to stop it.

    Raises
    ------
    RequestError
        If the request cannot be answered; the message says why.
    """
    return find(name).prepare(scene, args)(report)
