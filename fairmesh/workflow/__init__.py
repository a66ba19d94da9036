"""What the Snakefile, its hooks and the commands around a run call.

Imports everything below the user interfaces. ``snakefile`` is what the rules see, ``session`` the run in Snakemake's
main process: ``study_input`` reads, ``study_lock`` locks, ``reconcile`` brings the results folder in line.
"""
