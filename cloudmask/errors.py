"""The exceptions of CloudMask; the command line prints them as one line without a traceback.

::

    CloudmaskError      a failure, such as a full disk              exit status 1
    ├── SceneError      a scene is damaged or has another schema    exit status 1, or the scene is skipped
    ├── EmptySceneError no pixel of a scene has all channels        exit status 1, or the scene is skipped
    └── InputError      wrong input, which the user can correct     exit status 2
"""


class CloudmaskError(Exception):
    """Base class of the exceptions of this package."""

    exit_code = 1


class InputError(CloudmaskError):
    """A parameter is wrong or a named file is missing."""

    exit_code = 2


class SceneError(CloudmaskError):
    """A scene is damaged or has another schema; not raised for temporary read errors."""


class EmptySceneError(CloudmaskError):
    """A scene has no valid pixel, so it can be neither learned from nor scored."""
