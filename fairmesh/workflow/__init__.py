"""What the Snakefile and its hooks call: targets, rendering, the lock's use, publishing."""
