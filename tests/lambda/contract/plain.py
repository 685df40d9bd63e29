"""A handler that makes every form of call, without the package's own preparation."""

import sys
import sysconfig
from pathlib import Path

from pydantic import BaseModel

from tenant_bedrock import __version__, connect

ZIP = Path(__file__).parent
PYTHON = [Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")]


class Animal(BaseModel):
    """An animal."""

    name: str
    legs: int


def handler(event, context):
    """Return the answers, and the top-level names imported from the zip and from elsewhere.

    Eight calls at once come first, because a first call in many threads must work too.
    """
    chat = connect().chat("claude")
    answers = {
        "batch": [message.text for message in chat.batch([f"batch {n}" for n in range(8)])],
        "invoke": chat.invoke("an invoke").text,
        "stream": "".join(chunk.text for chunk in chat.stream("a stream")),
        "tool": chat.bind_tools([Animal]).invoke("use the tool Animal").tool_calls[0]["name"],
        "structured": chat.with_structured_output(Animal).invoke("a horse").model_dump(),
    }
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    # Bytecode of another Python would be compiled again at each cold start.
    compiled = all(map(_has_bytecode, list(sys.modules.values())))
    return {
        **answers,
        **_imported(),
        "compiled": compiled,
        "python": python,
        "version": __version__,
    }


def _has_bytecode(module):
    """Whether a module of the zip's packages was loaded from the bytecode in the zip."""
    file = getattr(module, "__file__", None) or ""
    if not file.endswith(".py") or Path(file).parent == ZIP:  # these handlers have none
        return True
    return not Path(file).is_relative_to(ZIP) or Path(module.__cached__).is_file()


def _imported():
    names = {"zip": set(), "elsewhere": set()}
    for name, module in list(sys.modules.items()):
        if not getattr(module, "__file__", None):
            continue  # built into Python
        file = Path(module.__file__)
        if file.is_relative_to(ZIP):
            names["zip"].add(name.partition(".")[0])
        elif "site-packages" in file.parts or not any(map(file.is_relative_to, PYTHON)):
            names["elsewhere"].add(name.partition(".")[0])
    return {
        where: sorted(packages - {"__main__", "__mp_main__"}) for where, packages in names.items()
    }
