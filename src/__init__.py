"""Code Agent: a project's TODO list goes in, verified commits come out."""

__version__ = "2.0.0.dev0"
