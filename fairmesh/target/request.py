"""Requests, their arguments and answers."""

import re
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from .bootstrap import base_folder, home_folder
from .home import Home
from .problems import RequestProblem
from .streams import StreamReader, StreamWriter


class Answer(NamedTuple):
    """The answer to a request.

    Parameters
    ----------
    values : dict
        Its values, as JSON.
    write : callable, optional
        Writes the bytes that follow.
    size : int
        How many these are at most.
    """

    values: Dict[str, Any]
    write: Optional[Callable[[StreamWriter], None]] = None
    size: int = 0


class Request:
    """A request: a verb with its arguments, which are checked when they are read.

    Parameters
    ----------
    arguments : dict
        The arguments, and ``verb``.
    base : str
        The base folder as the client names it.
    open_payload : callable, optional
        Returns the bytes that follow the request.
    """

    def __init__(
        self, arguments: Dict[str, Any], base: str, open_payload: Optional[Callable[[], StreamReader]] = None
    ) -> None:
        self.arguments, self._base, self._open_payload = arguments, base, open_payload

    @property
    def base(self) -> str:
        """The base folder."""
        return base_folder(self.arguments.get("base") or self._base)

    @property
    def home(self) -> Home:
        """The home folder of the project."""
        return Home(home_folder(self.base, self.arguments.get("home")))

    def payload(self) -> StreamReader:
        """Return the bytes that follow the request."""
        if self._open_payload is None:
            raise RequestProblem("the request comes without its files")
        return self._open_payload()

    def text(self, key: str, default: Optional[str] = None) -> str:
        """Return an argument that is a text."""
        return text_of(self.arguments, key, default)

    def number(self, key: str, default: Optional[int] = None) -> int:
        """Return an argument that is a whole number, not below 0."""
        return number_of(self.arguments, key, default)

    def flag(self, key: str) -> bool:
        """Return an argument that is true or false; false by default."""
        return self.arguments.get(key) is True

    def texts(self, key: str) -> List[str]:
        """Return an argument that is a list of texts; empty by default."""
        values = self.arguments.get(key, [])
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise RequestProblem(f"{key} must be a list of texts")
        return values

    def maps(self, key: str) -> List[Dict[str, Any]]:
        """Return an argument that is a list of maps; empty by default."""
        values = self.arguments.get(key, [])
        if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
            raise RequestProblem(f"{key} must be a list of maps")
        return values

    def hashes(self, key: str) -> Dict[str, str]:
        """Return an argument that maps paths to their SHA-256."""
        return hashes_of(self.arguments, key)


_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


def hashes_of(values: Dict[str, Any], key: str) -> Dict[str, str]:
    """Return an entry that maps paths to their SHA-256; empty by default."""
    hashes = values.get(key, {})
    if not isinstance(hashes, dict) or not all(
        isinstance(text, str) and _SHA256.match(text) for text in hashes.values()
    ):
        raise RequestProblem(f"{key} must map paths to SHA-256")
    return hashes


def text_of(values: Dict[str, Any], key: str, default: Optional[str] = None) -> str:
    """Return an entry that is a text."""
    value = values.get(key, default)
    if not isinstance(value, str):
        raise RequestProblem(f"{key} must be a text")
    return value


def number_of(values: Dict[str, Any], key: str, default: Optional[int] = None) -> int:
    """Return an entry that is a whole number, not below 0."""
    value = values.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise RequestProblem(f"{key} must be a whole number")
    return value
