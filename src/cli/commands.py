"""All commands, without the code of any."""

from __future__ import annotations

COMMANDS = {
    "init": ("init", "write a commented codeagent.yaml and the flags of the rollout"),
    "run": ("run", "work the TODO list to its end"),
    "serve": ("run", "work the TODO list and go on watching it"),
    "ls": ("ls", "show how the tasks stand"),
    "logs": ("logs", "show what was written about a task"),
    "diff": ("diff", "show what a task has changed"),
    "retry": ("retry", "let tasks run again from their beginning"),
    "cancel": ("orders", "end a running task, or keep one from starting"),
    "pause": ("orders", "start no more tasks until `codeagent resume`"),
    "resume": ("orders", "start tasks again"),
    "drain": ("orders", "finish the tasks that run, start no more, then end the server"),
    "rollback": (
        "rollout",
        "put everything, or one capability, on the synchronous path, at once",
    ),
    "rollout": ("rollout", "move capabilities to the asynchronous path, step by step"),
    "demo": ("demo", "show it all at work on a stand-in agent"),
    "doctor": ("doctor", "show what codeagent runs on, and what is missing"),
    "models": ("models", "list, try out, find and choose language models"),
    "migrate": ("migrate", "show or change the schema version of a state file"),
    "twins": ("twins", "generate, check or lint the synchronous twins of a project"),
    "ab": ("ab", "show the results of A/B runs, or compare two"),
}
"""The module of every command, which adds its parser, and what it does."""
