"""Test clusters of a real Slurm."""
