"""Serve one request: find the module of its verb, send its answer, and report errors in one line."""

import importlib
import os
import re
import signal
import threading
from typing import Any, Callable, Dict

from ..runner.attempt import reason_of
from .bootstrap import SILENCE, Channel
from .problems import PERSON, RETRY, RequestProblem, of_error
from .request import Answer, Request
from .streams import CutError, StreamReader, StreamWriter

KEEP_ALIVE = 10.0  # seconds between two messages that the work goes on
_VERB = re.compile(r"[a-z]{1,20}\Z")


def serve(channel: Channel) -> None:
    """Carry out the request of a client, and answer."""
    signal.alarm(0)
    request = Request(channel.header["request"], channel.header["base"], lambda: _payload(channel))
    with KeepAlive(channel):
        try:
            answer = find_verb(request.text("verb"))(request)
        except RequestProblem as error:
            answer = _failed(error)
        except CutError as error:
            answer = _failed(RequestProblem(f"the files did not arrive whole: {error}", RETRY))
        except OSError as error:
            answer = _failed(of_error(error))
        except ValueError as error:
            answer = _failed(RequestProblem(str(error)))
        except Exception as error:  # noqa: BLE001  one line for any error
            answer = _failed(RequestProblem(reason_of(error)))
    values = dict({"ok": True}, **answer.values)
    if answer.write:
        values["payload"] = answer.size
    channel.answer(values)
    if answer.write:
        _send(channel, answer.write)


def find_verb(verb: str) -> Callable[[Request], Answer]:
    """Return the function of a verb: ``answer`` in the module of its name."""
    module: Any = None
    if _VERB.match(verb):
        try:
            module = importlib.import_module("." + verb, __name__.rpartition(".")[0])
        except ImportError as error:
            if verb not in str(error):
                raise
    function = getattr(module, "answer", None)
    if function is None:
        raise RequestProblem(f"unknown request {ascii(verb)[:40]}")
    answer: Callable[[Request], Answer] = function
    return answer


def _failed(problem: RequestProblem) -> Answer:
    reason = " ".join(problem.reason.split())
    values: Dict[str, Any] = {"ok": False, "error": reason, "kind": RETRY if problem.kind == RETRY else PERSON}
    return Answer(values)


def _payload(channel: Channel) -> StreamReader:
    channel.say("payload")

    def read(size: int) -> bytes:
        signal.alarm(SILENCE)  # its default action ends the process, and the client sends everything again
        data = channel.reading.read(size)
        signal.alarm(0)
        return data

    return StreamReader(read)


def _send(channel: Channel, write: Callable[[StreamWriter], None]) -> None:
    def send(data: bytes) -> None:
        signal.alarm(SILENCE)
        channel.writing.write(data)
        channel.writing.flush()
        signal.alarm(0)

    stream = StreamWriter(send)
    try:
        write(stream)
        stream.close()
    except BrokenPipeError:
        os._exit(1)  # the client is gone, and its pipe cannot be flushed
    except (OSError, CutError):
        stream.abort()


class KeepAlive:
    """Sends the message ``wait`` regularly while a request is worked on."""

    def __init__(self, channel: Channel) -> None:
        self._channel, self._is_over = channel, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: Any) -> None:
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_over.wait(KEEP_ALIVE):
            try:
                self._channel.say("wait")
            except OSError:  # the client is gone; the work can be completed nevertheless
                return
