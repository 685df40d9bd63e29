"""`make models`: read from AWS what the stanzas' models are: their life, the account's access, and real destinations.

Each model is read in each Region from which it is called, `previous` models too. The command fails if a call would
fail, if a model ends within 60 days, or if something cannot be read. A destination that the role does not grant makes
calls fail; one that AWS does not use grants nothing by itself. WRITE=1 writes `destinations` into the stanzas of
aliases whose profile sends calls to other Regions than the stanza, or else the module's table, grants.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from tools.cli.arguments import Arguments
from tools.cli.console import err, out, print_json, run, table
from tools.cli.session import open_session
from tools.environment.model_edit import with_model
from tools.environment.tenant_files import stanza_file
from tools.live.granted_models import GEOGRAPHIC, granted_models
from tools.live.model_reading import read_models, today

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from tools.environment.model import Environment
    from tools.environment.tenant_files import StanzaFile
    from tools.live.granted_models import GrantedModel
    from tools.live.model_reading import ModelReading


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__, tenant="optional")
    arguments.add_argument(
        "--write", action="store_true", help="write AWS's destinations into the stanzas"
    )
    arguments.add_json("each model in each Region, with its problems")
    return arguments


def main() -> int:
    """Print what was read; return 1 if a call would fail, a model ends soon, or something could not be read."""
    options = parser().parse_args()
    session = open_session(options.env, tenant=options.tenant)
    environment = session.environment
    tenants = dict.fromkeys(account.tenant for account in environment.accounts_of(options.tenant))
    readings = read_models(session.target, granted_models(environment.stanzas, tenants))
    if options.json:
        print_json([_data(reading) for reading in readings])
    else:
        _show(readings)
    # Beside JSON, sentences would make the output none.
    say = err.print if options.json else out.print
    written = _write(environment, readings, say) if options.write else []
    return int(_show_problems(readings, written))


def _data(reading: ModelReading) -> dict[str, Any]:
    """Return a reading for machines; dates are ISO 8601."""
    model, life = reading.model, reading.life
    return {
        "tenant": model.tenant,
        "alias": model.alias,
        "previous": model.is_previous,
        "model": model.model,
        "profile": model.profile,
        "region": reading.region,
        "status": life.status,
        "end": life.end and life.end.isoformat(),
        "access": reading.access,
        "destinations": reading.destinations,
        "ungranted": reading.ungranted,
        "unused": reading.unused,
        "problems": reading.sentences,
    }


def _show(readings: Sequence[ModelReading]) -> None:
    rows = table("tenant", "alias", "Region", "called", "life", "access", "destinations")
    day = today()
    for reading in readings:
        model = reading.model
        rows.add_row(
            model.tenant,
            f"{model.alias}, previous" if model.is_previous else model.alias,
            reading.region,
            model.profile or model.model,
            reading.life.words(day),
            reading.access,
            _destinations(reading),
        )
    out.print(rows)


def _destinations(reading: ModelReading) -> str:
    """Return how the profile's destinations differ from the granted ones, as a cell of a table."""
    if reading.model.profile is None:
        return "-"
    if reading.destinations is None:
        return "not read"
    if reading.model.route != GEOGRAPHIC:
        return "worldwide"
    differences = [
        f"{word} {', '.join(regions)}"
        for word, regions in (("missing", reading.ungranted), ("superfluous", reading.unused))
        if regions
    ]
    return "; ".join(differences) or "as granted"


def _show_problems(readings: Sequence[ModelReading], written: Sequence[GrantedModel]) -> bool:
    """Print each problem once, with the aliases that have it; return whether there is one that was not mended."""
    aliases: dict[str, dict[str, None]] = defaultdict(dict)
    for reading in readings:
        sentences = list(reading.problems) if reading.model in written else reading.sentences
        for sentence in sentences:
            aliases[sentence][f"{reading.model.tenant} {reading.model.alias}"] = None
    for sentence, names in aliases.items():
        err.print(f"{', '.join(names)}: {sentence}", style="red")
    return bool(aliases)


def _write(
    environment: Environment, readings: Sequence[ModelReading], say: Callable[[str], None]
) -> list[GrantedModel]:
    """Write the destinations that differ into the stanzas, and say so; return the models that have them now."""
    destinations = _differing(readings)
    if not destinations:
        say(
            "Nothing was written: the stanzas grant the destinations of every profile that was read."
        )
        return []
    files: dict[Path, StanzaFile] = {}
    for tenant in dict.fromkeys(model.tenant for model in destinations):
        path = environment.files.get(tenant, environment.tfvars)
        if path not in files:
            files[path] = stanza_file(environment.tfvars, tenant)
        _edit(files[path], tenant, destinations)
    for file in files.values():
        file.write()
    for model, regions in destinations.items():
        place = f"previous of {model.alias}" if model.is_previous else model.alias
        say(f"Wrote the destinations of {place} of {model.tenant}: {', '.join(regions)}.")
    name = environment.name
    say(
        f"Run `make bootstrap ENV={name}`, which sets data retention there, and then `make apply ENV={name}`."
    )
    if any(reading.unused for reading in readings if reading.model in destinations):
        say(
            "Where a list is shorter than before, the apply asks for CONFIRM= with the tenant, as for every Region "
            "that goes. AWS sends no call there."
        )
    return list(destinations)


def _edit(file: StanzaFile, tenant: str, destinations: Mapping[GrantedModel, list[str]]) -> None:
    """Change the destinations of a tenant's models in a file that is still to be written."""
    models = (file.stanza(tenant) or {})["models"]
    changed = {model: regions for model, regions in destinations.items() if model.tenant == tenant}
    for model, regions in changed.items():
        entry = models[model.alias]
        (entry["previous"] if model.is_previous else entry)["destinations"] = regions

    def with_destinations(text: str, path: str | None) -> str:
        for alias in dict.fromkeys(model.alias for model in changed):
            text = with_model(text, path, alias, models[alias])
        return text

    file.edit(with_destinations, tenant)


def _differing(readings: Sequence[ModelReading]) -> dict[GrantedModel, list[str]]:
    """Return AWS's destinations of each model that has others, from all of its Regions; unread ones are left out."""
    by_model: dict[GrantedModel, list[ModelReading]] = defaultdict(list)
    for reading in readings:
        by_model[reading.model].append(reading)
    return {
        model: sorted({region for reading in entries for region in reading.destinations or ()})
        for model, entries in by_model.items()
        if all(reading.destinations for reading in entries)
        and any(reading.ungranted or reading.unused for reading in entries)
    }


if __name__ == "__main__":
    run(main)
