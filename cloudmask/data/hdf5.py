"""Scenes as HDF5 files in the benchmark's schema: five contiguous datasets at the root, no attributes.

The published files hold rows = 1200 and columns = 1500 pixels of 1 km. Any size and any float or integer type is read,
including values packed by the conventions of the NetCDF User's Guide (``scale_factor``, ``add_offset``, fill).
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
    """Return unpacked values as float64 with NaN for fill; without attributes, return the values unchanged.

    Raises
    ------
    ValueError
        If an attribute is not a number.

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
    """The data of a scene that training and inference use.

    Attributes
    ----------
    channels : ndarray of float32, shape (rows, columns, 9)
        Brightness temperatures of S7, S8, S9 in K, then reflectances of S1 to S6.
    valid : ndarray of bool, shape (rows, columns)
        False if a temperature is missing (0 K), as outside the swath, or any value is NaN or infinite. A reflectance of
        0 is valid: at night, or over dark ground at 1.375 um.
    cloud : ndarray of bool, shape (rows, columns)
        The label: ``bayes > 0``.
    """

    channels: npt.NDArray[np.float32]
    valid: Mask
    cloud: Mask

    @property
    def day(self) -> bool:
        """Whether any pixel reflects sunlight; at night the solar channels are off."""
        return bool((self.channels[..., 3:] > 0).any())


def write_arrays(path: Path, arrays: Mapping[str, npt.NDArray[np.generic]], compress: int = 0) -> None:
    """Write datasets at the root of a file atomically; `compress` is a gzip level.

    Raises
    ------
    CloudmaskError
        If the file cannot be written, for example because the disk is full.
    """
    options = {"compression": "gzip", "compression_opts": int(compress), "shuffle": True} if compress else {}
    # Built in memory, since HDF5 may crash the process when the disk is full.
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
        # Scenes are written atomically and never changed, so no lock is needed; some file systems have none.
        file = h5py.File(path, "r", locking=False)
    except OSError as error:
        raise _read_error(path, "not a whole HDF5 file, no dataset can be read", error) from None
    with file:
        yield file


def _read_error(where: Path | str, what: str, error: OSError) -> CloudmaskError:
    """Return a SceneError or, if the error has a system error number, an error about reading."""
    if not error.errno:
        return SceneError(f"{where}: {what}: {error}")
    hint = "; set HDF5_USE_FILE_LOCKING=FALSE" if error.errno in _OF_LOCKS and "lock" in str(error) else ""
    return CloudmaskError(f"{where}: cannot be read now, though it may be good: {reason(error)}{hint}")


_OF_LOCKS = (errno.ENOLCK, errno.EAGAIN, errno.ENOSYS, errno.EOPNOTSUPP)


def _checked(file: h5py.File, path: Path, name: str, pixels: tuple[int, int] | None = None) -> h5py.Dataset:
    """Return a dataset after checking its type and shape; without `pixels`, any size is accepted."""
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
    """Return the shape of a scene without reading its pixels; raises what `read_scene` raises."""
    with _opened(path) as file:
        rows, columns, _ = _checked_inputs(file, path)[0].shape
    return rows, columns


def read_scene(path: Path) -> Scene:
    """Read the channels and the label of a scene.

    Raises
    ------
    InputError
        If the file does not exist.
    SceneError
        If the file is truncated or not HDF5, or a dataset is missing or has another shape or type.
    CloudmaskError
        If the file cannot be read.
    EmptySceneError
        If no pixel is valid.
    """
    with _opened(path) as file:
        bts, refs, bayes = (_values(dataset, path) for dataset in _checked_inputs(file, path))
    with np.errstate(over="ignore"):  # values too large for float32 become infinite and thus invalid
        channels = np.concatenate([bts, refs], axis=-1, dtype=np.float32, casting="unsafe")
    measured = np.isfinite(channels).all(axis=-1) & (channels[..., :3] > 0).all(axis=-1)
    valid = np.asarray(measured & np.isfinite(bayes[..., 0]))
    if not valid.any():
        raise EmptySceneError(f"{path}: no pixel has all temperatures and a label")
    return Scene(channels, valid, np.asarray(bayes[..., 0] > 0))
