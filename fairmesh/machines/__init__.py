"""Machines that are reached over ssh or rented: their kinds, and how requests reach them."""
