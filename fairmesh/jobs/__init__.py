"""How a plan's jobs run: their folders, what is already there, the runner that they start, and the lock of a run."""
