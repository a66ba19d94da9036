"""The command line: ``python -m cloudmask scenes|store|baselines|train --config config.yaml``.

``python -m cloudmask infer --model model.keras SCENE...`` predicts scenes with a trained network, and
``python -m cloudmask download --to DIR`` downloads the benchmark's own scenes.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from types import ModuleType

from cloudmask.console import quiet_stderr
from cloudmask.errors import CloudmaskError
from cloudmask.settings import read_settings


def _parser() -> argparse.ArgumentParser:
    from cloudmask.data import download  # noqa: PLC0415  needs packages that may be missing

    parser = argparse.ArgumentParser(
        prog="python -m cloudmask", description="Cloud segmentation with a U-Net; outputs go to the current folder."
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    helps = {
        "scenes": "make or list scenes",
        "store": "cut patches",
        "baselines": "try simpler methods",
        "train": "train, predict and score",
    }
    for name, text in helps.items():
        verb = verbs.add_parser(name, help=text, description=text.capitalize() + ".")
        verb.add_argument("--config", type=Path, metavar="FILE", required=True, help="YAML map of all parameters")
        if name != "scenes":
            verb.add_argument("--scenes", type=Path, metavar="DIR", required=True, help="where `scenes` was run")
        if name in ("baselines", "train"):
            verb.add_argument("--store", type=Path, metavar="DIR", required=True, help="where `store` was run")
        if name == "train":
            verb.add_argument("--baselines", type=Path, metavar="DIR", help="where `baselines` was run (default: none)")
            verb.add_argument(
                "--checkpoints",
                type=Path,
                metavar="DIR",
                help="checkpoints to go on from (default: those of this experiment's earlier attempts)",
            )
    infer = verbs.add_parser(
        "infer", help="predict scenes with a trained network", description="Predict scenes with a trained network."
    )
    infer.add_argument("--model", type=Path, metavar="FILE", required=True, help="model.keras of an experiment")
    infer.add_argument("--to", type=Path, metavar="DIR", default=Path("masks"), help="folder for the masks (masks)")
    infer.add_argument("--tile", type=_tile, metavar="PIXELS", default=0, help="side of tiles (0: as memory allows)")
    infer.add_argument("--probabilities", action="store_true", help="write the probability of cloud, too")
    infer.add_argument("scenes", type=Path, nargs="+", metavar="SCENE", help="HDF5 file in the benchmark's schema")
    get = verbs.add_parser(
        "download", help="get real scenes", description="Get the benchmark's scenes from their bucket."
    )
    download.add_options(get)
    return parser


def _tile(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of 0 or more")
    return int(text)


def _run(arguments: argparse.Namespace) -> None:
    # Each command imports only its own modules: TensorFlow alone takes three seconds.
    if arguments.verb == "download":
        from cloudmask.data import download  # noqa: PLC0415

        download.run(arguments)
        return
    if arguments.verb == "infer":
        experiment = _experiment()
        experiment.infer(arguments.model, arguments.scenes, arguments.to, arguments.tile, arguments.probabilities)
        return
    settings = read_settings(arguments.config)
    if arguments.verb == "scenes":
        from cloudmask.data import scenes  # noqa: PLC0415

        scenes.run(settings)
    elif arguments.verb == "store":
        from cloudmask.data import store as preparation  # noqa: PLC0415

        preparation.run(settings, arguments.scenes)
    elif arguments.verb == "baselines":
        from cloudmask.scoring import baselines  # noqa: PLC0415

        baselines.run(settings, arguments.scenes, arguments.store)
    else:
        _experiment().run(settings, arguments.scenes, arguments.store, arguments.checkpoints, arguments.baselines)


def _experiment() -> ModuleType:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with quiet_stderr():
        from cloudmask import experiment  # noqa: PLC0415
    return experiment


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line, by default with the arguments of the process.

    Returns
    -------
    int
        0 on success, 1 on failure, 2 for wrong input, 130 if interrupted.
    """
    try:
        _run(_parser().parse_args(argv))
    except CloudmaskError as error:
        print(f"cloudmask: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"cloudmask: {error}", file=sys.stderr)
        return CloudmaskError.exit_code
    except ModuleNotFoundError as error:
        print(f"cloudmask: there is no package {error.name!r} here{_install_command()}", file=sys.stderr)
        return CloudmaskError.exit_code
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


def _install_command() -> str:
    """Return the command that installs all packages that CloudMask needs; empty if it is not installed as a package."""
    names = packages_distributions().get("cloudmask", [])
    declared = (requires(names[0]) or []) if names else []
    needed = [text.partition(";")[0] for text in declared if text.endswith("'cloudmask'")]
    return f": pip install {shlex.join(needed)}" if needed else ""


if __name__ == "__main__":
    # Exit by an exception, so that worker processes are stopped too.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    sys.exit(main())
