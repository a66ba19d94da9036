"""The monitor: pages that show runs while they go on, and steer them. ``fairmesh monitor`` opens it."""
