"""End-to-end tests: the real Snakemake, the real runner, the toy application."""
