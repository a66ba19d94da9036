"""How our errors end a process: the message, the exit status, and no traceback of Snakemake's."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from fairmesh.errors import FairmeshError
from fairmesh.printing import print_lines


@contextmanager
def clear_errors() -> Iterator[None]:
    """End the process with an error's own message and exit status."""
    try:
        yield
    except FairmeshError as error:
        print_lines(error, file=sys.stderr, flush=True)
        sys.exit(error.exit_code)
    except OSError as error:  # a full disk, a folder without permission
        hint = "; `df -h` and `df -i` say whether bytes or files ran out" if error.errno == errno.ENOSPC else ""
        print_lines(": ".join(filter(None, (error.filename, error.strerror))) + hint, file=sys.stderr, flush=True)
        sys.exit(FairmeshError.exit_code)
