"""The former name of the executor ``fairmesh``: an error that names the new one."""

from __future__ import annotations

from dataclasses import dataclass, field

from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_executor_plugins.settings import ExecutorSettingsBase

from snakemake_executor_plugin_fairmesh import Executor as FairmeshExecutor
from snakemake_executor_plugin_fairmesh import common_settings

__all__ = ["Executor", "ExecutorSettings", "common_settings"]


@dataclass
class ExecutorSettings(ExecutorSettingsBase):  # type: ignore[misc]
    """The former settings, which are parsed so that the executor can name the new ones."""

    bundle: int = field(default=1, metadata={"help": "Now called --fairmesh-bundle", "type": int})


class Executor(FairmeshExecutor):
    """An executor that always fails with the new names."""

    def __post_init__(self) -> None:
        message = "the executor slurm-lean is called fairmesh now: write `executor: fairmesh`"
        raise WorkflowError(f"{message}, and `fairmesh-bundle` in place of `slurm-lean-bundle`")
