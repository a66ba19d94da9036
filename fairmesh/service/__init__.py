"""The REST service: what ``fairmesh serve`` starts. It shows and does what the Python interface shows and does."""
