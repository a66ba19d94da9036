"""What can go wrong, as one tree; a person sees one clear line, never a traceback.

::

    CloudmaskError      the work failed, such as a damaged scene    exit status 1
    ├── SceneError      a scene is damaged or of another kind       exit status 1, or the scene is left out
    ├── EmptySceneError no pixel of a scene has all channels        exit status 1, or the scene is left out
    └── InputError      a person can mend the input                 exit status 2
"""


class CloudmaskError(Exception):
    """Base of all errors of this package: the work failed."""

    exit_code = 1


class InputError(CloudmaskError):
    """A parameter is wrong or a file that was named is missing."""

    exit_code = 2


class SceneError(CloudmaskError):
    """A scene is damaged or of another kind; not one that the system cannot read now, which may be good."""


class EmptySceneError(CloudmaskError):
    """A scene is fill from edge to edge: there is nothing to learn from and nothing to score."""
