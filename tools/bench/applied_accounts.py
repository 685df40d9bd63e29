"""Marks customer accounts as applied in the copy of the bench, as if each apply had ended just now.

`python -m tools.bench.applied_accounts CHANGED` leaves the first CHANGED accounts out. The others get an empty state
and the digest of their inputs, so that commands find them unchanged without two thousand applies. It runs in the
copy, whose environments it reads.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from tools.cli.session import open_session
from tools.proof.state_inputs import account_inputs
from tools.terraform.parallel import map_in_parallel
from tools.terraform.state_bucket import PARALLEL_CALLS

if TYPE_CHECKING:
    from tools.terraform.state import State

EMPTY_STATE = json.dumps({"version": 4, "serial": 1, "lineage": "bench", "resources": []})


def main(changed: int) -> None:
    """Write an empty state and a digest for every account but the first ``changed``."""
    session = open_session("local")
    bucket = session.bucket
    inputs = account_inputs(session)
    s3 = bucket.connect("s3")
    handovers = {
        tenant: handover
        for state in session.operations_states(None)
        for tenant, handover in session.terraform.handovers(state).items()
    }

    def write(state: State) -> None:
        tenant = state.variables["tenant"]
        answer = s3.put_object(Bucket=bucket.name, Key=state.key, Body=EMPTY_STATE.encode())
        digest = inputs.sha256(state, handovers[tenant])
        bucket.write_applied_record(state.key, digest, answer["ETag"])

    map_in_parallel(write, session.customer_states(None)[changed:], PARALLEL_CALLS)


if __name__ == "__main__":
    main(int(sys.argv[1]))
