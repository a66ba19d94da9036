"""The token that whoever steers over the network must show: made once, and kept where only this user reads it."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from fairmesh.errors import FairmeshError, InputError, Problem
from fairmesh.files import put_new
from fairmesh.user import home_folder

BYTES = 32
SHORTEST = 20  # characters of a token that a person chose


def token_file() -> Path:
    """Return where the token is kept: with the settings of this user.

    Raises
    ------
    InputError
        If the user has no home, nor a folder for settings.
    """
    own = os.environ.get("XDG_CONFIG_HOME") or (home_folder() or Path()) / ".config"
    if not Path(own).is_absolute():
        message = "there is no home to keep the token in: set XDG_CONFIG_HOME to a folder of your own"
        raise InputError([Problem(message)])
    return Path(own) / "fairmesh" / "token"


def read_token(path: Path) -> str:
    """Return the token; make one if there is none yet, which only this user may read.

    Raises
    ------
    FairmeshError
        If others may read it, or it cannot be made.
    InputError
        If it is too short.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _create(path)
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, encoding="utf-8") as file:
            mode = os.fstat(descriptor).st_mode
            token = file.read(1000).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise FairmeshError(f"the token cannot be read from {path}: {error}") from error
    if stat.S_IMODE(mode) & 0o077:
        raise FairmeshError(f"{path}: others may read the token; chmod 600 {path}")
    if len(token) < SHORTEST or not token.isascii() or not token.isprintable() or " " in token:
        raise InputError([Problem(f"the token must be one word of at least {SHORTEST} ASCII characters", str(path))])
    return token


def _create(path: Path) -> None:
    """Write a token whole or not at all; of two who do so at once, one succeeds."""
    if path.exists():
        return
    beside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(secrets.token_urlsafe(BYTES) + "\n")
        put_new(beside, path)
    except FileExistsError:
        pass
    finally:
        beside.unlink()
