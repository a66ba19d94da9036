"""Run jobs on other machines: what is sent there, how states are mirrored, and how results are fetched and verified."""
