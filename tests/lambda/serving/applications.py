"""One small application, for gunicorn (``wsgi``) and for uvicorn (``asgi``).

It connects and calls when it is imported, as an application does that warms up; gunicorn with
``--preload`` imports it before it forks. ``/ask/PROMPT`` answers, ``/hold/PROMPT`` leaves a stream open.
"""

from __future__ import annotations

import os
import sys

from tenant_bedrock import connect

chat = connect().chat("claude")
chat.invoke(f"warm up of {os.getpid()}")
held = []


def answer(path):
    """Serve one path; the id of the process tells the workers apart."""
    _, form, prompt = path.split("/")
    try:
        if form == "hold":
            held.append(chat.stream(prompt))
            next(held[-1])
        else:
            chat.invoke(prompt)
    except Exception as error:
        sys.stderr.write(f"FAILED {type(error).__name__}: {error}\n")
        raise
    return str(os.getpid()).encode()


def wsgi(environ, start_response):
    """Serve a request of gunicorn."""
    body = answer(environ["PATH_INFO"])
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


async def asgi(scope, receive, send):
    """Serve a request of uvicorn; its lifespan events are not needed."""
    if scope["type"] != "http":
        return
    _, form, prompt = scope["path"].split("/")
    if form == "hold":
        body = answer(scope["path"])
    else:
        body = str(os.getpid()).encode()
        await chat.ainvoke(prompt)
        [chunk async for chunk in chat.astream(f"{prompt} as a stream")]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})
