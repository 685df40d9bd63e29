"""A problem in a plan that makes a proof impossible, whatever a solver would find."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """A sentence about one subject, such as a tenant; properties.py has a property for each topic."""

    subject: str
    topic: str
    problem: str
