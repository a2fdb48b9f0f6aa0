"""nginx that answers Code Agent's questions over HTTP/2, and writes down how long it took."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.http2.servers import Server, free_port, make_certificates, running

from .lua import nginx

ADVICE = json.dumps(
    {
        "choices": [
            {
                "message": {
                    "content": json.dumps(
                        {
                            "usefulness_percent": 90,
                            "comment": "It is what the project needs.",
                            "decision": "continue",
                            "reason": "The report says that all is done.",
                        }
                    )
                },
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 900, "completion_tokens": 50},
    }
)
"""An answer to every question: the task is useful, and the next instruction may follow."""


@dataclass(frozen=True, slots=True)
class Adviser:
    """Where it is asked, whom to trust, and where it writes its times."""

    url: str
    ca: Path
    spans: Path


@contextmanager
def advising(folder: Path, think: float) -> Iterator[Adviser]:
    """Answer after ``think`` seconds, in a process of its own.

    ``spans`` gets a line for each answer: the task's number, when the answer was
    complete (s since the epoch), and how long it took since the question came (s).
    Raises `Missing` where nginx is not installed, or has no Lua.
    """
    certificates = make_certificates(folder, "127.0.0.1")
    port, spans = free_port(), folder / "answers"
    http = f"""  log_format span '$task $msec $request_time';
  init_worker_by_lua_block {{ ADVICE = [[{ADVICE}]] }}
  server {{
    listen 127.0.0.1:{port} ssl http2;
    location / {{
      set $task ""; access_log {spans} span;
      content_by_lua_block {{
        ngx.req.read_body()
        ngx.var.task = string.match(ngx.req.get_body_data(), "Task number (%d+)") or "-"
        ngx.sleep({think:g})
        ngx.header["content-type"] = "application/json"
        ngx.say(ADVICE)
      }}
    }}
  }}
"""
    command = nginx(folder, "advising", certificates, http)
    server = Server("advising", command, port, folder)
    with running(server):
        yield Adviser(f"https://127.0.0.1:{port}/v1", certificates.ca, spans)
