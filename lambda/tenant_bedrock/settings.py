"""The settings that Terraform writes to TENANT_BEDROCK."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tenant_bedrock.content import Content  # noqa: TC001 - pydantic reads it
from tenant_bedrock.errors import ModelNotGrantedError, SettingsError

Text = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(ge=1, strict=True)]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, members: object) -> object:
        """Drop nulls, which Terraform writes for everything that the stanza leaves out."""
        if not isinstance(members, dict):
            return members
        return {name: value for name, value in members.items() if value is not None}


class Guardrail(_Frozen):
    """The guardrail that applies to every call of the tenant."""

    arn: Text
    version: Text


class Model(_Frozen):
    """A granted model and the Regions it may be called in, the default one first.

    ``model`` is the id sent to Bedrock: a foundation model's id, a system profile's id or an
    application inference profile's ARN. ``base_model_id`` is the foundation model behind it.
    ``count_tokens`` is whether Bedrock may count tokens for that foundation model.
    """

    model: Text
    # Settings written before profiles were supported leave it out: the model is then its own base.
    base_model_id: Text = Field(default_factory=lambda members: members.get("model", ""))
    count_tokens: bool = False
    fallbacks: tuple[Text, ...] = ()
    regions: Annotated[tuple[Text, ...], Field(min_length=1)]
    streaming: bool = True

    @property
    def provider(self) -> str:
        """The model's provider, which LangChain cannot derive from the ARN of a profile."""
        return self.base_model_id.partition(".")[0]


class Quota(_Frozen):
    """The tenant's limits.

    The first two are kept here. The daily and monthly token limits are kept by the guard in the operations account, if
    there is one.
    """

    max_tokens_per_call: Count | None = None
    requests_per_second: Annotated[float, Field(gt=0)] | None = None
    tokens_per_day: Count | None = None
    tokens_per_month: Count | None = None


class UsageParameter(_Frozen):
    """The parameter of Systems Manager, in the operations account, with the tenant's use of its quota."""

    parameter: Text
    region: Text


class Settings(_Frozen):
    """The hand-over to one tenant, with the models it may call by alias.

    ``audit`` decides whether an answer is returned when CloudWatch did not acknowledge its record,
    ``content`` how much of prompts and answers the records keep. ``timeout`` is the Lambda
    function's, in seconds, and None elsewhere; Lambda's longest is 1,800:
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html. Without ``usage`` nothing enforces a quota.
    """

    audit: Literal["required", "best-effort"] = "best-effort"
    content: Content = "full"
    environment: Text
    external_id: Annotated[str, Field(min_length=2, repr=False)]  # STS takes 2 to 1,224 characters
    guardrail: Guardrail | None = None
    models: Annotated[dict[str, Model], Field(min_length=1)]
    quota: Quota = Quota()
    record_log_group: Text
    role_arn: Annotated[str, Field(pattern=r"^arn:[^:]+:iam::\d{12}:role/.+$")]
    tenant: Text
    timeout: Count | None = None
    usage: UsageParameter | None = None

    @property
    def operations_account(self) -> str:
        """The account that owns the role and pays for the calls, as in Bedrock's own log."""
        return self.role_arn.split(":")[4]

    def aliases_for(self, model_id: str | None) -> list[str]:
        """The aliases of ``model_id``; several aliases may share one model."""
        return [alias for alias, model in self.models.items() if model.model == model_id]

    def granted(self, model_id: str | None) -> Model | None:
        """The grant of a model id, the first if several aliases have it; None if none has."""
        return next((self.models[name] for name in self.aliases_for(model_id)), None)

    def resolve(self, alias: str | None, region: str | None) -> tuple[str, str]:
        """The alias and Region to call; by default the only alias and its first Region.

        Raises ModelNotGrantedError if the tenant's stanza does not grant them. The message lists
        what is granted and does not quote the arguments, which could hold a misplaced prompt.
        """
        granted = ", ".join(sorted(self.models))
        if alias is None and len(self.models) > 1:
            raise ModelNotGrantedError(f"Name a model; tenant {self.tenant} may call: {granted}.")
        alias = next(iter(self.models)) if alias is None else alias
        if alias not in self.models:
            raise ModelNotGrantedError(
                f"The requested model is not granted to tenant {self.tenant}; "
                f"write one of: {granted}."
            )
        regions = self.models[alias].regions
        region = regions[0] if region is None else region
        if region not in regions:
            raise ModelNotGrantedError(
                f"Tenant {self.tenant} may not call {alias} in the requested Region; "
                f"write one of: {', '.join(regions)}."
            )
        return alias, region

    def client_region(self, region: str | None) -> str:
        """The Region of a client; by default the only first Region of the aliases.

        Raises ModelNotGrantedError for a Region in which no alias may be called, and if there is no default.
        """
        defaults = sorted({model.regions[0] for model in self.models.values()})
        if region is None and len(defaults) > 1:
            raise ModelNotGrantedError(
                f"Name a Region, because the aliases have different ones: {', '.join(defaults)}."
            )
        region = defaults[0] if region is None else region
        granted = sorted({name for model in self.models.values() for name in model.regions})
        if region not in granted:
            raise ModelNotGrantedError(
                f"Tenant {self.tenant} may call no model in the requested Region; write one of: {', '.join(granted)}."
            )
        return region


def parse(text: str | None) -> Settings:
    """Parse ``text``, the value of TENANT_BEDROCK.

    Raises SettingsError, which names the invalid members but not their values, because the
    ExternalId is one of them.
    """
    if not text:
        raise SettingsError(
            "TENANT_BEDROCK is not set. Set it to the JSON that modules/customer-workload gives the "
            "function; `make handover` prints the module's inputs."
        )
    try:
        return Settings.model_validate_json(text)
    except ValidationError as error:
        members = sorted({_path(problem["loc"]) for problem in error.errors(include_input=False)})
    raise SettingsError(
        f"TENANT_BEDROCK is invalid at: {', '.join(members)}. Apply the customer root again; it "
        "writes the value from the tenant's stanza."
    )


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "its JSON syntax"
