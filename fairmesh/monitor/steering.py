"""Steering from the monitor: a token permits it once a session; the functions are those of all faces."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable

import streamlit as st

from fairmesh.api import Run, run_process
from fairmesh.api.status_cache import StatusCache
from fairmesh.errors import FairmeshError, InputError, Problem
from fairmesh.monitor.context import settings
from fairmesh.monitor.display import escape_text, show_error
from fairmesh.status import JobSelection, cancel
from fairmesh.status.steering import EVERYTHING, current_user
from fairmesh.web.access import read_token

PAUSE = 1.0  # seconds after a wrong token
MAY_STEER = "may_steer"


def requester() -> str:
    """Return who steers, for the files that record it."""
    return f"{current_user()} by the monitor"


def may_steer() -> bool:
    """Return whether this session has shown the token, or its browser has opened the link of the monitor's start."""
    login = settings().login
    by_link = login is not None and login.has_session(st.context.cookies.get(login.cookie))
    return bool(st.session_state.get(MAY_STEER, by_link))


def ask_for_token() -> None:
    """Show the field for the token, or a button that gives up the permission."""
    if may_steer():
        st.markdown("You can cancel, retry and start.")
        st.button("Lock", on_click=lambda: st.session_state.update({MAY_STEER: False}))
        return
    hint = f"The token permits to cancel, retry and start. It is in {escape_text(settings().token_file)}"
    with st.form("token", border=False):
        token = st.text_input("Token", type="password", max_chars=1000, autocomplete="off", help=hint)
        if st.form_submit_button("Unlock"):
            _check_token(token)


def _check_token(token: str) -> None:
    try:
        is_right = hmac.compare_digest(token.strip().encode(), read_token(settings().token_file).encode())
    except FairmeshError as error:
        show_error(error)
        return
    if is_right:
        st.session_state[MAY_STEER] = True
        st.rerun()
    time.sleep(PAUSE)
    st.error("This is not the token.")


def last_run(cache: StatusCache) -> Run:
    """Return the last run of a study.

    Raises
    ------
    InputError
        If there is none.
    """
    runs = run_process.runs(cache.paths)
    if not runs:
        raise InputError([Problem(f"study {cache.paths.study} has no run yet; start one on the page Start")])
    return Run(settings().project, cache.paths, runs[0].uuid)


def cancel_jobs(cache: StatusCache, selection: JobSelection) -> str:
    """Cancel experiments, and return a sentence about it."""
    result = cancel(cache.paths, selection, requester())
    return ". ".join((f"{len(result.jobs)} cancelled, {len(result.others)} needed no change", *result.notes))


def cancel_run(cache: StatusCache) -> str:
    """Cancel the whole run, and return a sentence about it."""
    result = last_run(cache).steer(EVERYTHING, requester())
    return ". ".join((f"the run is cancelled with {len(result.jobs)} active experiments and stages", *result.notes))


def retry_jobs(cache: StatusCache, selection: JobSelection = EVERYTHING) -> str:
    """Start experiments without a result again, and return a sentence about it."""
    run = last_run(cache).retry(selection.names, selection.where, selection.states, who=requester())
    return f"run {run.uuid[:8]} starts the experiments without a result again"


def action_button(
    label: str, action: Callable[[], str], cache: StatusCache, *, disabled: bool = False, key: str = ""
) -> None:
    """Show a button that steers, disabled for sessions without the token."""
    is_locked = not may_steer()
    hint = "Enter the token in the sidebar first" if is_locked else None
    if not st.button(label, disabled=disabled or is_locked, help=hint, key=key or label):
        return
    try:
        message = action() if may_steer() else ""
    except FairmeshError as error:
        show_error(error)
        return
    finally:
        cache.forget()
    st.toast(escape_text(f"{message[:1].upper()}{message[1:]}."))
