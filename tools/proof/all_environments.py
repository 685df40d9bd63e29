"""Proves of the stanzas of all environments that no two of them share what they do not say they share."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from tools.cli.targets import LOCAL
from tools.command_error import CommandError
from tools.environment.model import data_folders, environment_names, load_environment
from tools.isolation.certificate import Report
from tools.isolation.claims import Case
from tools.isolation.prover import Proof
from tools.isolation.separate_environments import (
    KINDS,
    TOPICS,
    Identities,
    environment_faults,
    identities_of,
)
from tools.isolation.structure import StructureError
from tools.terraform.parallel import map_in_parallel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.environment.model import Environment
    from tools.isolation.plan_fault import Fault

ALL = "all"  # what ENV= names in place of one environment


@dataclass(frozen=True)
class Reading:
    """The identities of one environment, or why its stanzas cannot be read."""

    name: str
    identities: Identities | None = None
    tenants: tuple[str, ...] = ()
    tfvars_sha256: str = ""
    problem: str = ""


def environments_on_aws() -> list[str]:
    """Return the names of all environments but the one of the local AWS, whose accounts exist on one machine only.

    Raises CommandError if there is none, if one has the name that means all of them, or if a folder has data and no
    terraform.tfvars: nobody would miss it among those that were compared.
    """
    names = environment_names()
    if ALL in names:
        raise CommandError(
            f"The folder environments/{ALL} cannot be an environment, because ENV={ALL} means every one; rename it."
        )
    if strays := data_folders() - {*names}:
        raise CommandError(
            f"No environment would be read from {', '.join(f'environments/{name}' for name in sorted(strays))}: it has "
            "no terraform.tfvars. Write one, or remove the folder."
        )
    on_aws = [name for name in names if name != LOCAL]
    if not on_aws:
        raise CommandError(
            f'There is no environment on AWS in environments, only "{LOCAL}"; add a folder with a terraform.tfvars.'
        )
    return on_aws


def compare_environments(names: Sequence[str], jobs: int) -> Report:
    """Return the report about the stanzas of these environments, ``jobs`` of which are read at a time.

    An environment that cannot be read is named in the report, which then does not hold.
    """
    time_of_proof, started = datetime.now(UTC), time.perf_counter()
    readings = map_in_parallel(_read, names, jobs)
    environments = [reading.identities for reading in readings if reading.identities is not None]
    faults = tuple(environment_faults(environments))
    proofs = [_proof(reading) for reading in readings if reading.identities is not None]
    digest = sha256("".join(reading.tfvars_sha256 for reading in readings).encode()).hexdigest()
    proofs.append(Proof(Case("all of these files", digest, (), (), faults, {}), (), 0))
    return Report(
        environment=ALL,
        scope=f"the stanzas of {len(environments):,} environments",
        proofs=tuple(proofs),
        unplanned_accounts=(),
        seconds=time.perf_counter() - started,
        time=time_of_proof,
        unread=tuple(reading.problem for reading in readings if reading.problem),
        compared=_compared(environments, faults),
    )


def _read(name: str) -> Reading:
    try:
        environment = load_environment(name)
        variables = {**environment.variables, "tenants": environment.stanzas}
        identities = identities_of(variables, _state_bucket(environment))
    except (CommandError, StructureError) as error:
        problem = f"The environment {name} could not be read, so it was not compared: {error}"
        return Reading(name, problem=problem)
    return Reading(name, identities, environment.tenants, environment.tfvars_sha256)


def _state_bucket(environment: Environment) -> str:
    if bucket := environment.backend.get("bucket"):
        return str(bucket)
    raise CommandError(
        f'environments/{environment.name}/backend.hcl names no bucket; write bucket = "…".'
    )


def _proof(reading: Reading) -> Proof:
    tenants = tuple(f"{reading.name}/{tenant}" for tenant in reading.tenants)
    faults = reading.identities.faults if reading.identities else ()
    root = f"terraform.tfvars of {reading.name}"
    return Proof(Case(root, reading.tfvars_sha256, tenants, (), faults, {}), (), 0)


def _compared(
    environments: Sequence[Identities], faults: Sequence[Fault]
) -> dict[str, tuple[int, int]]:
    """Return how many identities of each kind the environments have, and how many of them are faults."""
    totals = sum((each.counts() for each in environments), Counter[str]())
    shared = Counter(fault.topic for fault in faults)
    return {kind: (totals[kind], shared[TOPICS[kind]]) for kind in KINDS}
