"""The scheduler of the page "Add a scheduler", as a package that the registry searches."""
