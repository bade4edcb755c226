"""A private JupyterLab and what a test does in it: open a notebook, run it, ask its kernel.

Nothing is waited for by the clock: the application object of the page says whether the kernel's session is
ready, and the explorer says with `data-ready` that it has drawn.
"""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Browser, Locator, Page
from playwright.sync_api import TimeoutError as WaitedTooLong
from servers import started
from waiting import WAIT_MS

SETTINGS = {
    # Every output is in the page, seen or not, so that a locator finds it.
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
}


class NotebookError(AssertionError):
    """A cell raised, or the kernel did; the message holds its traceback."""


class Lab:
    """A running JupyterLab, reached at `url` with `token`, serving the folder `root`, writing to `log`."""

    def __init__(self, url: str, token: str, root: Path, log: Path) -> None:
        self.url = url
        self.token = token
        self.root = root
        self.log = log

    def open(self, page: Page, name: str, cells: list[str]) -> Notebook:
        """Write a notebook of these cells, open it in the page and wait until its kernel is ready."""
        self.write(name, cells)
        # A workspace of its own: no tab of another test is restored.
        page.goto(f"{self.url}lab/workspaces/{name}/tree/{name}.ipynb?token={self.token}&reset")
        notebook = Notebook(page)
        page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
        return notebook

    def open_alone(self, page: Page, name: str, cells: list[str]) -> Notebook:
        """The same in Notebook 7, which shows nothing but the notebook."""
        self.write(name, cells)
        page.goto(f"{self.url}notebooks/{name}.ipynb?token={self.token}")
        return Notebook(page)

    def open_as_app(self, page: Page, name: str, cells: list[str]) -> None:
        """The same in Voilà, which runs the cells by itself and shows their outputs."""
        self.write(name, cells)
        page.goto(f"{self.url}voila/render/{name}.ipynb?token={self.token}")

    def write(self, name: str, cells: list[str]) -> None:
        """Leave a notebook of these cells in the server's folder."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.metadata["kernelspec"] = {
            "name": "python3",
            "display_name": "Python 3",
            "language": "python",
        }
        nbformat.write(notebook, self.root / f"{name}.ipynb")


class Notebook:
    """The notebook open in a page of JupyterLab, or of Notebook 7."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wait_for_kernel()

    def wait_for_kernel(self) -> None:
        """Wait until the session is ready, the kernel idle and the connection up."""
        self.page.wait_for_function(
            """() => {
                const panel = window.jupyterapp?.shell?.currentWidget;
                const kernel = panel?.sessionContext?.session?.kernel;
                return panel?.sessionContext?.isReady && panel.content?.widgets?.length > 0
                    && kernel?.status === "idle" && kernel.connectionStatus === "connected";
            }""",
            timeout=WAIT_MS,
        )

    def start(self) -> None:
        """Run all cells, without waiting for them."""
        self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")

    def run(self, timeout: float = WAIT_MS) -> None:
        """Run all cells and wait until the last has ended (milliseconds); NotebookError if one failed."""
        self.start()
        self.page.wait_for_function(
            """() => {
                const cells = [...window.jupyterapp.shell.currentWidget.model.cells];
                return cells.every((cell) => cell.executionCount !== null)
                    || cells.some((cell) => cell.outputs.toJSON().some((o) => o.output_type === "error"));
            }""",
            timeout=timeout,
        )
        errors = self.page.evaluate(
            """() => [...window.jupyterapp.shell.currentWidget.model.cells]
                .flatMap((cell) => cell.outputs.toJSON()).filter((o) => o.output_type === "error")
                .map((o) => o.traceback.join("\\n"))"""
        )
        if errors:
            raise NotebookError("\n".join(errors))

    def python(self, expression: str) -> Any:
        """The value of a Python expression in the kernel, by way of JSON."""
        code = f"import json as _json\nprint(_json.dumps({expression}))"
        return json.loads(self.execute(code))

    def execute(self, code: str) -> str:
        """Run code in the kernel beside the notebook; gives back what it printed."""
        reply = self.page.evaluate(
            """async (code) => {
                const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
                const future = kernel.requestExecute({ code, store_history: false });
                let text = "", error = null;
                future.onIOPub = ({ header, content }) => {
                    if (header.msg_type === "stream" && content.name === "stdout") text += content.text;
                    if (header.msg_type === "error") error = content.traceback.join("\\n");
                };
                await future.done;
                return { text, error };
            }""",
            code,
        )
        if reply["error"] is not None:
            raise NotebookError(reply["error"])
        return str(reply["text"])

    def start_cell(self, code: str) -> None:
        """Run code in the kernel beside the notebook, without waiting for it."""
        self.page.evaluate(
            """(code) => {
                const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
                kernel.requestExecute({ code, store_history: false });
            }""",
            code,
        )

    def say(self, comm: str, messages: list[Any]) -> None:
        """Send messages to the kernel over a widget's own comm, as the front end does."""
        self.page.evaluate(
            """async ([id, messages]) => {
                const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
                const comm = await kernel._comms.get(id);
                for (const message of messages) comm.send(message);
            }""",
            [comm, messages],
        )

    def show_in_last_cell(self, code: str) -> None:
        """Let the last cell hold this code, run it, and wait until it has run."""
        self.page.evaluate(
            """async (code) => {
                const { content } = window.jupyterapp.shell.currentWidget;
                content.activeCellIndex = content.widgets.length - 1;
                content.activeCell.model.sharedModel.setSource(code);
                await window.jupyterapp.commands.execute("notebook:run-cell");
            }""",
            code,
        )

    def theme(self, name: str) -> None:
        """Change JupyterLab's theme and wait until it is on."""
        self.page.evaluate(
            "(theme) => { window.jupyterapp.commands.execute('apputils:change-theme', { theme }); }", name
        )
        self.page.wait_for_function(
            """(theme) => document.body.dataset.jpThemeName === theme
                && document.getElementById("jupyterlab-splash") === null""",
            arg=name,
            timeout=WAIT_MS,
        )

    def explorer(self) -> Locator:
        """The explorer in the output, once it has drawn its first epoch."""
        return ready(self.page)


def ready(page: Page) -> Locator:
    """The one explorer of a page, once it has drawn its first epoch."""
    explorer = page.locator(".dvi[data-ready=true]")
    try:
        explorer.wait_for(timeout=WAIT_MS)
    except WaitedTooLong as error:
        shown = page.locator("body").inner_text()
        raise AssertionError(f"The explorer did not draw. The page says:\n{shown[:2000]}") from error
    return explorer


@contextmanager
def ran(browser: Browser, lab: Lab, name: str, cell: str, **profile: Any) -> Iterator[Notebook]:
    """A notebook of one cell that has run in JupyterLab, in a profile of its own."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 1040}, **profile})
    notebook = lab.open(context.new_page(), name, [cell])
    notebook.run()
    yield notebook
    context.close()


@contextmanager
def serve(folder: Path, python: str = sys.executable) -> Iterator[Lab]:
    """JupyterLab of a Python, on the loopback, with every folder it writes to inside `folder`."""
    root, runtime, settings = folder / "root", folder / "runtime", folder / "settings"
    for path in (root, runtime, settings):
        path.mkdir(parents=True)
    for plugin, values in SETTINGS.items():
        file = settings / f"{plugin}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values), encoding="utf-8")
    token = secrets.token_hex(16)
    environment = {
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_NO_CONFIG": "1",
        "JUPYTER_RUNTIME_DIR": str(runtime),
        "JUPYTERLAB_SETTINGS_DIR": str(settings),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "OMP_NUM_THREADS": "1",
    }
    command = [
        *(python, "-m", "jupyterlab", "--no-browser"),
        *("--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", "--ServerApp.allow_root=True"),
        *(f"--ServerApp.root_dir={root}", f"--IdentityProvider.token={token}"),
        *("--LabApp.expose_app_in_browser=True", "--LabApp.extension_manager=readonly"),
        "--LabApp.news_url=None",
        # The same server has the other pages that people open notebooks in.
        "--ServerApp.jpserver_extensions={'notebook': True, 'voila.server_extension': True}",
        "--JupyterNotebookApp.expose_app_in_browser=True",
    ]

    def address() -> str | None:
        """From the file that the server writes once it listens."""
        for file in runtime.glob("jpserver-*.json"):
            with suppress(json.JSONDecodeError):  # still being written
                return str(json.loads(file.read_text(encoding="utf-8"))["url"])
        return None

    with started("JupyterLab", command, address, folder, environment) as url:
        yield Lab(url, token, root, folder / "server.log")
