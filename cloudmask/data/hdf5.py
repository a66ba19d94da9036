"""Scenes as HDF5 files in the benchmark's schema: five contiguous datasets at the root, no attributes.

The published files hold rows = 1200 and columns = 1500 pixels of 1 km. Any size and any float or integer type is read,
also values packed as in the attribute conventions of the NetCDF User's Guide (``scale_factor``, ``add_offset``, fill).
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt

from cloudmask.errors import CloudmaskError, EmptySceneError, InputError, SceneError
from cloudmask.files import reason, write_bytes

Values = npt.NDArray[np.floating | np.integer]

_PACKING = ("scale_factor", "add_offset")
_FILL = ("_FillValue", "missing_value")
_BOUNDS = ("valid_range", "valid_min", "valid_max")


def unpacked(values: Values, attributes: Mapping[str, object]) -> Values:
    """Return the values that packed numbers stand for: unchanged without attributes, else float64 with NaN for fill.

    Raises
    ------
    ValueError
        If an attribute is not a number, with its name.

    Examples
    --------
    >>> attributes = {"scale_factor": 0.01, "add_offset": 283.73, "_FillValue": -32768}
    >>> unpacked(np.array([-32768, 0, 1500], dtype=np.int16), attributes)
    array([   nan, 283.73, 298.73])
    """
    packing = {name: _numbers(name, attributes[name]) for name in (*_PACKING, *_FILL, *_BOUNDS) if name in attributes}
    if not packing:
        return values
    numbers = values * packing.get("scale_factor", np.ones(1))[0] + packing.get("add_offset", np.zeros(1))[0]
    return np.asarray(np.where(_is_missing(values, packing), np.nan, numbers))


def _is_missing(values: Values, packing: Mapping[str, npt.NDArray[np.float64]]) -> npt.NDArray[np.bool_]:
    missing = np.isin(values, np.concatenate([packing.get(name, np.empty(0)) for name in _FILL]))
    low, high = packing.get("valid_range", np.array([-np.inf, np.inf]))[[0, -1]]
    least, most = packing.get("valid_min", np.array([low]))[0], packing.get("valid_max", np.array([high]))[0]
    return np.asarray(missing | (values < least) | (values > most))


def _numbers(name: str, attribute: object) -> npt.NDArray[np.float64]:
    array = np.asarray(attribute)
    if array.dtype.kind not in "fiu" or not array.size:
        raise ValueError(f"its attribute {name} is {attribute!r}, not a number")
    return array.astype(np.float64).ravel()


Mask = npt.NDArray[np.bool_]

# Name: (channels, type as published).
SCHEMA: dict[str, tuple[int, npt.DTypeLike]] = {
    "bts": (3, np.float32),  # S7, S8, S9 brightness temperature, K; 0 where there is no measurement
    "rads": (6, np.float32),  # S1..S6 radiance, W m-2 sr-1 um-1
    "refs": (6, np.float64),  # S1..S6 reflectance, 0 at night
    "bayes": (1, np.float64),  # cloud by the Bayesian mask where not 0
    "summary": (1, np.float64),  # cloud by the summary flag where not 0
}


@dataclass(frozen=True)
class Scene:
    """What training and inference use of a file.

    Attributes
    ----------
    channels : ndarray of float32, shape (rows, columns, 9)
        Brightness temperatures of S7, S8, S9 in K, then reflectances of S1 to S6.
    valid : ndarray of bool, shape (rows, columns)
        False where a temperature is missing (0 K), as outside the swath, or anything is NaN or infinite. A reflectance
        of 0 is a measurement: of the night, or of a dark ground at 1.375 um.
    cloud : ndarray of bool, shape (rows, columns)
        The label: ``bayes > 0``.
    """

    channels: npt.NDArray[np.float32]
    valid: Mask
    cloud: Mask

    @property
    def day(self) -> bool:
        """Return whether any pixel reflects sunlight; at night the solar channels are off."""
        return bool((self.channels[..., 3:] > 0).any())


def write_arrays(path: Path, arrays: Mapping[str, npt.NDArray[np.generic]], compress: int = 0) -> None:
    """Write datasets at the root of a file, which appears whole or not at all; `compress` is a level of gzip.

    Raises
    ------
    CloudmaskError
        If the disk is full or for another reason takes no more.
    """
    options = {"compression": "gzip", "compression_opts": int(compress), "shuffle": True} if compress else {}
    # In memory first: HDF5 itself may crash the process when the disk is full.
    with h5py.File(path.name, "w", driver="core", backing_store=False, block_size=1 << 24) as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array, **options)
        file.flush()
        image = file.id.get_file_image()
    write_bytes(path, image)


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    try:
        if not path.is_file():
            raise InputError(f"{path}: no such file")
        # Scenes appear whole and are never changed, so nothing has to be locked, which some file systems cannot.
        file = h5py.File(path, "r", locking=False)
    except OSError as error:
        raise _read_error(path, "not a whole HDF5 file, no dataset can be read", error) from None
    with file:
        yield file


def _read_error(where: Path | str, what: str, error: OSError) -> CloudmaskError:
    """Return an error about the scene or, where the system gives a number, about reading it."""
    if not error.errno:
        return SceneError(f"{where}: {what}: {error}")
    hint = "; set HDF5_USE_FILE_LOCKING=FALSE" if error.errno in _OF_LOCKS and "lock" in str(error) else ""
    return CloudmaskError(f"{where}: cannot be read now, though it may be good: {reason(error)}{hint}")


_OF_LOCKS = (errno.ENOLCK, errno.EAGAIN, errno.ENOSYS, errno.EOPNOTSUPP)


def _checked(file: h5py.File, path: Path, name: str, pixels: tuple[int, int] | None = None) -> h5py.Dataset:
    """Find a dataset and check its kind and shape; without `pixels`, any rows and columns will do."""
    where = f"{path}: dataset {name!r}"
    dataset = file.get(name)
    if not isinstance(dataset, h5py.Dataset):
        raise SceneError(f"{where} is missing: not an SLSTR scene of CloudMask")
    if dataset.dtype.kind not in "fiub":
        raise SceneError(f"{where} has type {dataset.dtype}, not numbers")
    wanted = (*(pixels or dataset.shape[:2]), SCHEMA[name][0])
    if dataset.shape != wanted or len(wanted) != 3 or 0 in wanted:
        rows, columns = pixels or ("rows", "columns")
        raise SceneError(f"{where} has shape {dataset.shape}, not ({rows}, {columns}, {wanted[-1]})")
    return dataset


def _checked_inputs(file: h5py.File, path: Path) -> tuple[h5py.Dataset, h5py.Dataset, h5py.Dataset]:
    bts = _checked(file, path, "bts")
    pixels = bts.shape[:2]
    return bts, _checked(file, path, "refs", pixels), _checked(file, path, "bayes", pixels)


def _values(dataset: h5py.Dataset, path: Path) -> Values:
    where = f"{path}: dataset {dataset.name[1:]!r}"
    try:
        return unpacked(dataset[...], dataset.attrs)
    except OSError as error:
        raise _read_error(where, "cannot be read", error) from None
    except ValueError as error:
        raise SceneError(f"{where}: {error}") from None


def scene_shape(path: Path) -> tuple[int, int]:
    """Return rows and columns of a scene without reading its pixels; raises what `read_scene` raises."""
    with _opened(path) as file:
        rows, columns, _ = _checked_inputs(file, path)[0].shape
    return rows, columns


def read_scene(path: Path) -> Scene:
    """Read the channels and the label of a scene.

    Raises
    ------
    InputError
        If there is no such file.
    SceneError
        If it is truncated, not HDF5, a dataset is missing or of another shape or kind.
    CloudmaskError
        If the system cannot read it now.
    EmptySceneError
        If no pixel is valid.
    """
    with _opened(path) as file:
        bts, refs, bayes = (_values(dataset, path) for dataset in _checked_inputs(file, path))
    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, so not valid
        channels = np.concatenate([bts, refs], axis=-1, dtype=np.float32, casting="unsafe")
    measured = np.isfinite(channels).all(axis=-1) & (channels[..., :3] > 0).all(axis=-1)
    valid = np.asarray(measured & np.isfinite(bayes[..., 0]))
    if not valid.any():
        raise EmptySceneError(f"{path}: no pixel has all temperatures and a label")
    return Scene(channels, valid, np.asarray(bayes[..., 0] > 0))
