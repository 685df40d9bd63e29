"""Finds what a plan would create although it exists: the state was lost, or never knew it.

That happens when a command was killed after AWS had made an object, or when AWS's answer was lost. Names are
computed, so an object is found by its name, and by the tags with which the same call created it. An object without
these tags is somebody else's and is not adopted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tools.cli.console import warn
from tools.terraform.state import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tools.cli.targets import Target
    from tools.environment.model import Environment
    from tools.terraform.runner import PlanJson
    from tools.terraform.state import State

OWNER_TAGS = ("environment", "managed-by", "tenant")
# From this many roles on, one list of all roles replaces a call for each; only the operations account has so many.
LISTED_FROM = 10


@dataclass
class ExistingObjects:
    """Looks objects up in the account of one state."""

    environment: Environment
    target: Target
    state: State
    _clients: dict[str, Any] = field(default_factory=dict)
    _role_names: frozenset[str] | None = None
    _profiles: dict[str, Mapping[str, Any]] | None = None

    def find(self, plan: PlanJson) -> dict[str, str]:
        """Return the ids, as `terraform import` takes them, of what the plan would create, by address."""
        creations = list(_creations(plan))
        roles = [planned for _, kind, planned in creations if kind == "aws_iam_role"]
        if len(roles) >= LISTED_FROM:
            self._list_roles()
        existing = {}
        for address, kind, planned in creations:
            lookup = self._lookups().get(kind)
            if lookup is None:
                continue
            try:
                found = lookup(planned)
            except ClientError as error:
                warn(
                    f"{self.state.label}: whether {address} exists already could not be looked up: "
                    f"{error.response['Error']['Message']}"
                )
                continue
            if found is None:
                continue
            id_, tags = found
            if is_ours(planned, tags):
                existing[address] = id_
            else:
                warn(
                    f"{self.state.label}: {id_} exists and does not have the tags with which this environment "
                    "creates it, so it is somebody else's and is left alone."
                )
        return existing

    def _lookups(
        self,
    ) -> dict[str, Callable[[Mapping[str, Any]], tuple[str, Mapping[str, str] | None] | None]]:
        """Return a look-up for each type whose creation fails, or makes a second object, when one exists.

        All other types of both roots are written with calls that replace what exists.
        """
        return {
            "aws_bedrock_inference_profile": self._profile,
            "aws_cloudwatch_log_group": self._log_group,
            "aws_iam_role": self._role,
            "aws_lambda_alias": self._alias,
            "aws_lambda_function": self._function,
            "aws_vpc_endpoint": self._endpoint,
        }

    def _client(self, service: str) -> Any:  # noqa: ANN401 - a boto3 client
        if service not in self._clients:
            if self.state.root == OPERATIONS:
                session, region = self.target.operations(), self.environment.operations_region
            else:
                [account] = self.environment.accounts_of(
                    self.state.tenant, self.state.variables["account_id"]
                )
                session, region = self.target.deployer(account), account.region
            self._clients[service] = self.target.client(session, service, region)
        return self._clients[service]

    def _list_roles(self) -> None:
        pages = self._client("iam").get_paginator("list_roles").paginate()
        self._role_names = frozenset(role["RoleName"] for page in pages for role in page["Roles"])

    def _role(self, planned: Mapping[str, Any]) -> tuple[str, Mapping[str, str]] | None:
        name = planned["name"]
        if self._role_names is not None and name not in self._role_names:
            return None
        iam = self._client("iam")
        try:
            role = iam.get_role(RoleName=name)["Role"]
        except iam.exceptions.NoSuchEntityException:
            return None
        return name, {tag["Key"]: tag["Value"] for tag in role.get("Tags", ())}

    def _log_group(self, planned: Mapping[str, Any]) -> tuple[str, Mapping[str, str]] | None:
        logs, name = self._client("logs"), planned["name"]
        for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name):
            for group in page["logGroups"]:
                if group["logGroupName"] == name:
                    arn = group["arn"].removesuffix(":*")
                    return name, logs.list_tags_for_resource(resourceArn=arn)["tags"]
        return None

    def _function(self, planned: Mapping[str, Any]) -> tuple[str, Mapping[str, str]] | None:
        functions, name = self._client("lambda"), planned["function_name"]
        try:
            function = functions.get_function(FunctionName=name)
        except functions.exceptions.ResourceNotFoundException:
            return None
        return name, function.get("Tags", {})

    def _alias(self, planned: Mapping[str, Any]) -> tuple[str, None] | None:
        functions, name = self._client("lambda"), planned["name"]
        function = planned["function_name"]
        try:
            functions.get_alias(FunctionName=function, Name=name)
        except functions.exceptions.ResourceNotFoundException:
            return None
        return f"{function}/{name}", None

    def _endpoint(self, planned: Mapping[str, Any]) -> tuple[str, Mapping[str, str]] | None:
        filters = {"vpc-id": planned["vpc_id"], "service-name": planned["service_name"]}
        filters |= {f"tag:{name}": text for name, text in _owner(planned).items()}
        pages = (
            self._client("ec2")
            .get_paginator("describe_vpc_endpoints")
            .paginate(Filters=[{"Name": name, "Values": [text]} for name, text in filters.items()])
        )
        for page in pages:
            for endpoint in page["VpcEndpoints"]:
                if endpoint["State"].lower() in ("available", "pending"):
                    tags = {tag["Key"]: tag["Value"] for tag in endpoint.get("Tags", ())}
                    return endpoint["VpcEndpointId"], tags
        return None

    def _profile(self, planned: Mapping[str, Any]) -> tuple[str, Mapping[str, str]] | None:
        bedrock = self._client("bedrock")
        if self._profiles is None:
            pages = bedrock.get_paginator("list_inference_profiles").paginate(
                typeEquals="APPLICATION"
            )
            self._profiles = {
                profile["inferenceProfileName"]: profile
                for page in pages
                for profile in page["inferenceProfileSummaries"]
            }
        profile = self._profiles.get(planned["name"])
        if profile is None:
            return None
        arn = profile["inferenceProfileArn"]
        tags = bedrock.list_tags_for_resource(resourceARN=arn)["tags"]
        return profile["inferenceProfileId"], {tag["key"]: tag["value"] for tag in tags}


def is_ours(planned: Mapping[str, Any], tags: Mapping[str, str] | None) -> bool:
    """Return whether an object has the tags that name its environment and tenant; None for a type without tags."""
    owner = _owner(planned)
    return tags is None or (
        bool(owner) and all(tags.get(name) == text for name, text in owner.items())
    )


def _owner(planned: Mapping[str, Any]) -> dict[str, str]:
    tags = planned.get("tags_all") or {}
    return {name: tags[name] for name in OWNER_TAGS if name in tags}


def _creations(plan: PlanJson) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield the address, the type and the planned values of what the plan creates anew."""
    for item in plan.get("resource_changes") or ():
        change = item["change"]
        if item["mode"] == "managed" and change["actions"] == ["create"]:
            yield item["address"], item["type"], change.get("after") or {}
