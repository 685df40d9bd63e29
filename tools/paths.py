"""Where the repository's parts are."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENTS = ROOT / "environments"
MODULES = ROOT / "modules"
BUILD = ROOT / "build"
WORK = ROOT / ".work"
EVIDENCE = ROOT / "evidence"  # of `make acceptance`, `make access` and `make verify`
