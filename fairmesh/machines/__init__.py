"""Machines that are reached over ssh or rented: how requests reach them, and the dispatcher of their experiments."""
