"""What tests need to make one of the guard's functions on the local Lambda by hand."""

import io
import zipfile

from tools.bench.guarded_tenants import document
from tools.paths import ROOT


def guard_package() -> bytes:
    """The zip of lambda/operations_guard."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in sorted((ROOT / "lambda" / "operations_guard").glob("*.*")):
            archive.write(file, f"operations_guard/{file.name}")
    return buffer.getvalue()


def guard_trust(service: str) -> str:
    """The trust policy of a role with which a service acts."""
    return document(
        {"Action": "sts:AssumeRole", "Principal": {"Service": f"{service}.amazonaws.com"}}
    )
