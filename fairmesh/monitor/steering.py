"""Who may steer, and what steering does: the token is asked for once a session, and the same functions as ever act."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable

import streamlit as st

from fairmesh.api import Run, run_process
from fairmesh.api.status_cache import StatusCache
from fairmesh.errors import FairmeshError, InputError, Problem
from fairmesh.monitor.look import error, plain
from fairmesh.monitor.setting import given
from fairmesh.status import JobSelection, cancel
from fairmesh.status.steering import EVERYTHING, current_user
from fairmesh.web.access import read_token

PAUSE = 1.0  # seconds that a wrong token costs
MAY = "may_steer"


def who() -> str:
    """Who steers, as the files keep it."""
    return f"{current_user()} by the monitor"


def may_steer() -> bool:
    """Return whether this session has shown the token."""
    return bool(st.session_state.get(MAY))


def ask_for_token() -> None:
    """Let a person show the token, or take the right to steer back."""
    if may_steer():
        st.markdown("You may steer: cancel, retry and start.")
        st.button("Only look", on_click=lambda: st.session_state.pop(MAY))
        return
    with st.form("token", border=False):
        shown = st.text_input("Token", type="password", max_chars=1000, autocomplete="off", help=_where())
        if st.form_submit_button("Steer"):
            _check(shown)


def _where() -> str:
    return f"To cancel, retry or start, show the token. It is in {plain(given().token_file)}"


def _check(shown: str) -> None:
    try:
        right = hmac.compare_digest(shown.strip().encode(), read_token(given().token_file).encode())
    except FairmeshError as problem:
        error(problem)
        return
    if right:
        st.session_state[MAY] = True
        st.rerun()
    time.sleep(PAUSE)
    st.error("This is not the token.")


def last_run(cache: StatusCache) -> Run:
    """Return the run of a study that was started last.

    Raises
    ------
    InputError
        If there was none.
    """
    found = run_process.runs(cache.paths)
    if not found:
        raise InputError([Problem(f"study {cache.paths.study} has no run yet; the page Start begins one")])
    return Run(given().project, cache.paths, found[0].uuid)


def cancel_some(cache: StatusCache, selection: JobSelection) -> str:
    """Cancel experiments, and say what was done."""
    done = cancel(cache.paths, selection, who())
    return ". ".join((f"{len(done.jobs)} are cancelled, {len(done.others)} needed nothing", *done.notes))


def cancel_run(cache: StatusCache) -> str:
    """Cancel the whole run, and say what was done."""
    done = last_run(cache).steer(EVERYTHING, who())
    return ". ".join((f"the run ends, with {len(done.jobs)} experiments and stages that run", *done.notes))


def retry(cache: StatusCache, selection: JobSelection = EVERYTHING) -> str:
    """Run again what ended without a result, and say by which run."""
    again = last_run(cache).retry(selection.names, selection.where, selection.states, who=who())
    return f"run {again.uuid[:8]} starts again what ended without a result"


def button(label: str, act: Callable[[], str], cache: StatusCache, *, disabled: bool = False, key: str = "") -> None:
    """Show a button that steers, for those who may."""
    locked = not may_steer()
    hint = "show the token first, in the bar at the side" if locked else None
    if not st.button(label, disabled=disabled or locked, help=hint, key=key or label):
        return
    try:
        said = act() if may_steer() else ""
    except FairmeshError as problem:
        error(problem)
        return
    finally:
        cache.forget()
    st.toast(plain(f"{said[:1].upper()}{said[1:]}."))
