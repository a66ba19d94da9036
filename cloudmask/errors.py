"""What can go wrong, as one tree; a person sees one clear line, never a traceback.

::

    CloudmaskError      the work failed, such as a damaged scene    exit status 1
    └── InputError      a person can mend the input                 exit status 2
"""


class CloudmaskError(Exception):
    """Base of all errors of this package: the work failed."""

    exit_code = 1


class InputError(CloudmaskError):
    """A parameter is wrong or a file that was named is missing."""

    exit_code = 2
