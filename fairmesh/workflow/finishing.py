"""The hook at the end of a run: a command or a webhook that is told once what came of it. Nothing fails with it."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from string import Template
from typing import Any
from urllib.parse import urlsplit

from fairmesh.printing import print_lines
from fairmesh.proxies import find_proxy, proxy_note
from fairmesh.study.settings import Finish

ANSWER = 10.0  # seconds for the webhook, all in all
PATIENCE = 60.0  # seconds for the command
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VISIBLE = re.compile(r"[\x20-\x7e]*")


class HookError(Exception):
    """A hook did not do its work, in words that tell no secret."""


class Hook:
    """What is to be told at the end of a run.

    Parameters
    ----------
    finish : Finish
        As configured.
    environment : mapping, optional
        What variables stand for; those of this process by default.
    """

    def __init__(self, finish: Finish, environment: Mapping[str, str] | None = None) -> None:
        self._finish = finish
        self._environment = os.environ if environment is None else environment

    def preflight_warnings(self) -> Iterator[str]:
        """Say before the run what would not work at its end."""
        command = self._finish.command
        if command and not shutil.which(command[0]):
            yield f"finish: there is no program {command[0]!r}, which is to be called at the end"
        if self._finish.webhook:
            try:
                self._request(b"")
            except HookError as error:
                yield f"finish: {error}"

    def call(self, exit_code: int, summary: Callable[[], Mapping[str, Any]]) -> None:
        """Tell how a run ended; what goes wrong is a line on standard error.

        Parameters
        ----------
        exit_code : int
            That of the run.
        summary : callable
            Gives what is told; it is not asked if nobody wants to hear it.
        """
        wanted = [send for send, given in self._ways() if given]
        if not wanted or (self._finish.when == "failure" and not exit_code):
            return
        try:
            body = json.dumps(summary(), ensure_ascii=False).encode()
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  whatever is wrong with results, the run has ended
            _warn(f"there is no summary to send: {type(error).__name__}: {error}")
            return
        for send in wanted:
            try:
                send(body)
            except HookError as error:
                _warn(str(error))
            except KeyboardInterrupt:
                _warn("interrupted")

    def _ways(self) -> list[tuple[Callable[[bytes], None], object]]:
        return [(self._run, self._finish.command), (self._post, self._finish.webhook)]

    def _run(self, body: bytes) -> None:
        program = self._finish.command[0]
        try:
            # In a session of its own: who presses Ctrl-C once more does not mean the message.
            done = subprocess.run(
                self._finish.command, check=False, input=body, timeout=PATIENCE, start_new_session=True
            )
        except OSError as error:
            raise HookError(f"{program}: {error.strerror}") from error
        except subprocess.TimeoutExpired:
            raise HookError(f"{program} did not end within {PATIENCE:.0f} s") from None
        if done.returncode:
            raise HookError(f"{program} ended with status {done.returncode}")

    def _post(self, body: bytes) -> None:
        request, found = self._request(body), list[str]()
        # The timeout of a socket begins anew with every byte that comes.
        sender = threading.Thread(target=lambda: found.append(_answer(request)), daemon=True)
        sender.start()
        sender.join(ANSWER)
        said = found[0] if found else f"no answer within {ANSWER:.0f} s"
        if said:
            raise HookError(f"webhook on {request.host}: {said}")

    def _request(self, body: bytes) -> urllib.request.Request:
        address = urlsplit(self._filled("webhook", self._finish.webhook))
        if address.scheme not in {"http", "https"} or not address.hostname or "@" in address.netloc:
            raise HookError("the address of the webhook must begin with https:// or http://, and name a host alone")
        given = {name: self._filled(f"header {name}", value) for name, value in self._finish.header.items()}
        wrong = [name for name, value in given.items() if not _HEADER.fullmatch(name) or not _VISIBLE.fullmatch(value)]
        if wrong:
            raise HookError(f"header {wrong[0]!r} cannot be sent: its name or value has characters that none may have")
        headers = {"Content-Type": "application/json", "User-Agent": "fairmesh"} | given
        return urllib.request.Request(address.geturl(), body, headers, method="POST")  # noqa: S310  see above

    def _filled(self, what: str, text: str) -> str:
        try:
            return Template(text).substitute(self._environment)
        except KeyError as error:
            raise HookError(f"{what}: the variable {error.args[0]} is not set") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows nothing: what the headers hold is for the configured address alone."""

    def redirect_request(self, *_: Any) -> None:
        """Refuse."""


def _answer(request: urllib.request.Request) -> str:
    """Send; give what is wrong with the answer, or nothing. No message repeats what was sent."""
    proxy = find_proxy(request.full_url)
    direct = [] if proxy else [urllib.request.ProxyHandler({})]
    try:
        with urllib.request.build_opener(_NoRedirect, *direct).open(request, timeout=ANSWER):
            return ""
    except urllib.error.HTTPError as error:
        with error:
            more = "; redirects are not followed" if 300 <= error.code < 400 else ""
            return f"answered {error.code}{proxy_note(proxy)}{more}"
    except urllib.error.URLError as error:
        reason = error.reason
        return ((reason.strerror if isinstance(reason, OSError) else "") or "cannot be reached") + proxy_note(proxy)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return f"{type(error).__name__}"


def _warn(text: str) -> None:
    print_lines(f"warning: finish: {text}", file=sys.stderr, flush=True)
