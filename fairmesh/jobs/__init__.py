"""Job folders and records: their paths, how they are written, and what exists already.

Imports ``runner``, ``schedulers`` and the ground floor; not ``study``. ``paths`` has the paths of a results folder,
``render`` writes a job folder, ``lookup`` finds and restores results.
"""
