"""The monitor over a study in the middle of a run, without a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import pytest
import streamlit
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.scriptrunner import script_runner
from streamlit.testing.v1 import AppTest

from fairmesh.api import Project
from fairmesh.files import write_text
from fairmesh.monitor import context
from tests.service.conftest import project, study

__all__ = ["project", "study"]

TOKEN = "a-token-that-is-long-enough"  # noqa: S105
Open = Callable[..., AppTest]


@pytest.fixture(scope="session", autouse=True)
def swift() -> Iterator[None]:
    """Make Streamlit look through all packages for components once, and not clean up after each run of a page.

    Both take long where much is installed and loaded: a second, and half of one where other tests loaded TensorFlow.
    """
    streamlit.config.set_option("runner.postScriptGC", False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(script_runner, "_clean_problem_modules", lambda: None)
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture
def given(project: Project) -> Iterator[Project]:
    """Start the monitor, as it were, in a working folder, with a token."""
    path = project.folder / "token"
    write_text(path, TOKEN)
    path.chmod(0o600)
    context.use_settings(context.Settings(project, path))
    streamlit.cache_resource.clear()
    yield project
    streamlit.cache_resource.clear()


@pytest.fixture
def open_page(given: Project) -> Open:
    """Return what opens a page, as somebody who may steer or may not, with values of its fields."""

    def open_page(name: str, /, may_steer: bool = False, **fields: object) -> AppTest:
        tested = AppTest.from_function(_show, args=(name,), default_timeout=20)
        tested.session_state["may_steer"] = may_steer
        tested.session_state["study"] = "quick"
        for field, value in fields.items():
            tested.session_state[field] = value
        return tested.run()

    return open_page


def _show(page: str) -> None:
    from importlib import import_module  # noqa: PLC0415  this function is a script of its own

    import_module(f"fairmesh.monitor.{page}").show()


def texts(page: AppTest) -> str:
    """Return all that a page says."""
    kinds = ("markdown", "caption", "error", "warning", "info", "code", "header", "toast")
    return "\n".join(str(element.value) for kind in kinds for element in page.get(kind))
