"""Read the operations account: the tenants' roles, everyone else, the profiles, and Bedrock's settings."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from operations_guard.account_retention import NONE
from operations_guard.authorization_details import AuthorizationDetails
from operations_guard.aws_reader import NotReadError
from operations_guard.invocation_logging import OPERATION as LOGGING
from operations_guard.invocation_logging import logging_places
from operations_guard.verification import regions_of_profile
from tools.iam.policy import Kind
from tools.isolation import operations_specification as operations
from tools.isolation.claims import denial_claims, guard_role_claims
from tools.isolation.guard_specification import denial_arns, guard_name, guard_roles
from tools.isolation.operations_specification import Tenant
from tools.isolation.plan_fault import Fault
from tools.live.answers import claim
from tools.live.granted_models import granted_models, granted_regions
from tools.live.other_principals import OperationsPrincipals

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from tools.isolation.operations_specification import Environment, Profile
    from tools.live.answers import AccountReader, Finding
    from tools.live.granted_models import GrantedModel


@dataclass(frozen=True)
class OperationsAccount:
    """One operations account, with the ARNs of its administrators."""

    reader: AccountReader
    environment: Environment
    administrators: Collection[str]
    permissions_boundary: str | None  # that every tenant's role must have

    def findings(self) -> Iterator[Finding]:
        """Yield claims, faults and unread parts."""
        checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
            ("its roles, users and groups", self._principals),
        ]
        regions = set(granted_regions(self.environment.region, self._models))
        for region, profile in self._system_profiles():
            checks.append(
                (f"the profile {profile}", partial(self._profile_regions, region, profile, regions))
            )
        yield from self.reader.findings(checks)
        settings: list[tuple[str, Callable[[], Iterator[Finding]]]] = []
        for region in sorted(regions):
            logging, retention = partial(self._logging, region), partial(self._retention, region)
            settings.append((f"Bedrock's invocation logging in {region}", logging))
            settings.append((f"Bedrock's data retention in {region}", retention))
        settings.append(("the inference profiles", self._profiles))
        yield from self.reader.findings(settings)

    @property
    def _tenants(self) -> list[Tenant]:
        return [Tenant(self.environment, name) for name in self.environment.tenants]

    # --- principals ---

    def _principals(self) -> Iterator[Finding]:
        answer = self.reader.ask("iam", "GetAccountAuthorizationDetails")
        details = AuthorizationDetails(answer or {})
        caller = self.reader.ask("sts", "GetCallerIdentity") or {}
        env = self.environment
        for tenant in self._tenants:
            yield from self._tenant_role(tenant, details)
        yield from self._guard(details)
        names = {tenant.base_name for tenant in self._tenants}
        prefix = f"bedrock-{env.name}-"
        for name in sorted(details.roles.keys() - names):
            if name.lower().startswith(prefix):
                yield self.reader.fault("role", f"no stanza defines the role {name}")
        principals = OperationsPrincipals(
            subject=self.reader.subject,
            details=details,
            account=env.account,
            partition=env.partition,
            proved_roles={*names, *(guard_name(env, role) for role in guard_roles(env))},
            customers={
                account: tenant.name for tenant in self._tenants for account in tenant.callers
            },
            administrators={*self.administrators, *_principal_arns(caller.get("Arn", ""), details)},
        )
        yield from principals.faults()

    def _tenant_role(self, tenant: Tenant, details: AuthorizationDetails) -> Iterator[Finding]:
        role = details.roles.get(tenant.base_name)
        if role is None:
            yield Fault(tenant.name, "role", f"the role {tenant.base_name} does not exist")
            return
        if role["Arn"] != tenant.role_arn:
            yield Fault(tenant.name, "role", f"{role['Arn']} exists instead of {tenant.role_arn}")
        boundary = (role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
        if boundary != self.permissions_boundary:
            problem = f"the permissions boundary of {tenant.base_name} is {boundary}, not {self.permissions_boundary}"
            yield Fault(tenant.name, "boundary", problem)
        trust = {"trust policy": role.get("AssumeRolePolicyDocument") or {}}
        permissions = details.policies(role, "Role")
        for arn in denial_arns(self.environment).values():
            permissions.pop(f"managed policy {arn}", None)  # it only takes away, as _guard claims
        for topic, kind, documents, specification in (
            ("trust", Kind.TRUST, trust, operations.trust(tenant)),
            ("permissions", Kind.IDENTITY, permissions, operations.permissions(tenant)),
        ):
            yield claim(
                tenant.name, topic, kind, documents, specification, role_arn=tenant.role_arn
            )

    def _guard(self, details: AuthorizationDetails) -> Iterator[Finding]:
        """Yield what must hold of the guard's roles, and of the policies that it attaches to tenants' roles."""
        env = self.environment
        boundary = (env.guard or {}).get("permissions_boundary")
        for name in guard_roles(env):
            role = details.roles.get(guard_name(env, name))
            if role is None:
                yield self.reader.fault("role", f"the role {guard_name(env, name)} does not exist")
                continue
            trust = {"trust policy": role.get("AssumeRolePolicyDocument") or {}}
            yield from guard_role_claims(env, name, trust, details.policies(role, "Role"))
            found = (role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
            if found != boundary:
                problem = (
                    f"the permissions boundary of {role['RoleName']} is {found}, not {boundary}"
                )
                yield self.reader.fault("boundary", problem)
        arns = denial_arns(env).values()
        yield from denial_claims(
            env, {arn.rpartition("/")[2]: details.managed(arn) for arn in arns}
        )

    # --- settings of each Region ---

    @cached_property
    def _models(self) -> list[GrantedModel]:
        """Every model that a stanza grants, previous ones too."""
        return granted_models(self.environment.tenants)

    def _system_profiles(self) -> list[tuple[str, str]]:
        """Return the system's profiles that are granted, with the Region of each."""
        profiles = {
            (region, model.profile)
            for model in self._models
            if model.profile is not None
            for region in model.regions
        }
        return sorted(profiles)

    def _profile_regions(self, region: str, profile: str, regions: set[str]) -> Iterator[Finding]:
        """Add the Regions to which AWS says that the profile sends calls at present."""
        answer = self.reader.ask(
            "bedrock", "GetInferenceProfile", region=region, inferenceProfileIdentifier=profile
        )
        regions |= regions_of_profile(answer)
        yield from ()

    def _logging(self, region: str) -> Iterator[Finding]:
        """Invocation logging would store every prompt and answer in this account."""
        if places := logging_places(self.reader.ask("bedrock", LOGGING, region=region)):
            problem = f"Bedrock logs every call of {region} in this account ({', '.join(places)})"
            yield self.reader.fault("invocation logging", problem)

    def _retention(self, region: str) -> Iterator[Finding]:
        """Only the mode none keeps nothing; inherit is what an account has before it is set.

        https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetAccountDataRetention.html
        """
        answer = self.reader.ask("bedrock", "GetAccountDataRetention", region=region)
        mode = (answer or {}).get("mode")
        if mode != NONE:
            command = f"aws bedrock put-account-data-retention --mode none --region {region}"
            if region in granted_regions(self.environment.region, self._models):
                command = f"make bootstrap ENV={self.environment.name}"
            problem = f'the mode in {region} is "{mode}"; set it to "none" with `{command}`'
            yield self.reader.fault("data retention", problem)

    # --- inference profiles ---

    def _profiles(self) -> Iterator[Finding]:
        """Compare the profiles whose tags give a tenant access with those of the stanzas."""
        env = self.environment
        expected = {
            profile.name: (tenant, profile)
            for tenant in self._tenants
            for profile in operations.profiles(tenant)
        }
        names: Counter[str] = Counter()
        for region in sorted({env.region}.union(*(model.regions for model in self._models))):
            listed = self.reader.ask(
                "bedrock", "ListInferenceProfiles", region=region, typeEquals="APPLICATION"
            )
            for summary in (listed or {}).get("inferenceProfileSummaries", ()):
                name, arn = summary["inferenceProfileName"], summary["inferenceProfileArn"]
                tags = self._tags(arn, region)
                if name in expected and region == env.region:
                    names[name] += 1
                    yield from self._profile_faults(*expected[name], summary, tags)
                elif tags.get("tenant") in env.tenants and tags.get("environment") == env.name:
                    problem = (
                        f"no stanza defines {arn} ({name}), whose tags let {tags['tenant']} call it"
                    )
                    yield self.reader.fault("profile", problem)
        for name, (tenant, _) in expected.items():
            if names[name] != 1:
                problem = f"there are {names[name]} profiles {name} in {env.region} instead of one"
                yield Fault(tenant.name, "profile", problem)

    def _tags(self, arn: str, region: str) -> dict[str, str]:
        answer = self.reader.ask("bedrock", "ListTagsForResource", region=region, resourceARN=arn)
        if answer is None:
            raise NotReadError(f"the tags of {arn} are missing")
        return {tag["key"]: tag["value"] for tag in answer.get("tags", ())}

    def _profile_faults(
        self, tenant: Tenant, profile: Profile, summary: Mapping[str, Any], tags: Mapping[str, str]
    ) -> Iterator[Finding]:
        for tag, text in profile.tags.items():
            if tags.get(tag) != text:
                problem = f"the tag {tag} of {profile.name} is {tags.get(tag)} instead of {text}"
                yield Fault(tenant.name, "profile", problem)
        arns = {entry.get("modelArn", "") for entry in summary.get("models", ())}
        source, models = profile.source, {arn.rpartition("/")[2] for arn in arns}
        # A profile that copies a system profile lists the models behind it, in several Regions.
        copies_profile = ":inference-profile/" in source
        same = (
            all(source.endswith(f".{name}") for name in models)
            if copies_profile
            else arns == {source}
        )
        if not (arns and same):
            shown = ", ".join(sorted(arns)) or "no model"
            yield Fault(tenant.name, "profile", f"{profile.name} runs {shown} instead of {source}")


def _principal_arns(caller: str, details: AuthorizationDetails) -> list[str]:
    """Return the ARN of the user or role behind an identity as STS names it."""
    if ":assumed-role/" not in caller:
        return [caller]
    name = caller.split("/")[1]
    return [role["Arn"] for role_name, role in details.roles.items() if role_name == name]
