"""Job folders and records: where they are, how they are written, and what is there already.

Imports ``runner``, ``schedulers`` and the ground floor; not ``study``. ``paths`` has every place of a results folder,
``render`` writes a job folder, ``lookup`` finds and restores results.
"""
