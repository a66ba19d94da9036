"""The functions that the Snakefile, its hooks and the commands around a run call.

Imports everything below the user interfaces. ``snakefile`` is the interface of the rules, ``session`` the run in
Snakemake's main process: ``study_input`` reads, ``study_lock`` locks, ``reconcile`` reconciles the results folder.
``workflow/Snakefile`` shows how the Snakefile of a project includes it.
"""

from fairmesh.installed import SNAKEFILE

__all__ = ["SNAKEFILE"]
