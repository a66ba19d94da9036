"""The command line: ``python -m cloudmask scenes|store|baselines|train --config config.yaml``.

``python -m cloudmask download --to DIR`` gets the benchmark's own scenes.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from cloudmask import download
from cloudmask.errors import CloudmaskError
from cloudmask.quiet import quiet_stderr
from cloudmask.settings import read_settings


def _parser() -> argparse.ArgumentParser:
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
    get = verbs.add_parser(
        "download", help="get real scenes", description="Get the benchmark's scenes from their bucket."
    )
    download.add_options(get)
    return parser


def _run(arguments: argparse.Namespace) -> None:
    # Each verb imports its own part: TensorFlow alone takes three seconds.
    if arguments.verb == "download":
        download.run(arguments)
        return
    settings = read_settings(arguments.config)
    if arguments.verb == "scenes":
        from cloudmask import scenes  # noqa: PLC0415

        scenes.run(settings)
    elif arguments.verb == "store":
        from cloudmask import preparation  # noqa: PLC0415

        preparation.run(settings, arguments.scenes)
    elif arguments.verb == "baselines":
        from cloudmask import baselines  # noqa: PLC0415

        baselines.run(settings, arguments.scenes, arguments.store)
    else:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        with quiet_stderr():
            from cloudmask import experiment  # noqa: PLC0415
        experiment.run(settings, arguments.scenes, arguments.store, arguments.checkpoints, arguments.baselines)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line, by default with the arguments of the process.

    Returns
    -------
    int
        0 good, 1 the work failed, 2 wrong input, 130 interrupted.
    """
    arguments = _parser().parse_args(argv)
    try:
        _run(arguments)
    except CloudmaskError as error:
        print(f"cloudmask: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"cloudmask: {error}", file=sys.stderr)
        return CloudmaskError.exit_code
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


if __name__ == "__main__":
    # As an exception, so that worker processes are ended too.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    sys.exit(main())
