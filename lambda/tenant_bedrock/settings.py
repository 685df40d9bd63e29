"""What Terraform tells the package, parsed once from TENANT_BEDROCK."""

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
    def _null_is_left_out(cls, members: object) -> object:
        """Terraform writes null for what the stanza does not say."""
        if not isinstance(members, dict):
            return members
        return {name: value for name, value in members.items() if value is not None}


class Guardrail(_Frozen):
    """The guardrail that every call of the tenant must carry."""

    arn: Text
    version: Text


class Model(_Frozen):
    """A granted model and the Regions it may be called in, the default one first.

    ``model`` is what Bedrock is asked for: a foundation model's id, a system profile's id or an
    application inference profile's ARN. ``base_model_id`` is the foundation model behind it.
    """

    model: Text
    # A TENANT_BEDROCK from before there were profiles leaves it out: the model is its own base.
    base_model_id: Text = Field(default_factory=lambda members: members.get("model", ""))
    fallbacks: tuple[Text, ...] = ()
    regions: Annotated[tuple[Text, ...], Field(min_length=1)]
    streaming: bool = True

    @property
    def provider(self) -> str:
        """Who made the model: LangChain cannot read that off a profile's ARN."""
        return self.base_model_id.partition(".")[0]


class Quota(_Frozen):
    """What the tenant may use; the operations side watches the tokens of a day and a month."""

    max_tokens_per_call: Count | None = None
    requests_per_second: Annotated[float, Field(gt=0)] | None = None
    tokens_per_day: Count | None = None
    tokens_per_month: Count | None = None


class Settings(_Frozen):
    """One tenant's side of the hand-over, with the models it may call by alias.

    ``audit`` says what becomes of an answer whose record CloudWatch did not acknowledge, and
    ``content`` how much of prompts and answers the records hold. ``timeout`` is the Lambda
    function's, in seconds; a process elsewhere has none.
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

    @property
    def operations_account(self) -> str:
        """The account that owns the role and pays for the model: the one Bedrock would log."""
        return self.role_arn.split(":")[4]

    def aliases_of(self, model_id: str | None) -> list[str]:
        """The aliases that ask Bedrock for ``model_id``; two may share one."""
        return [alias for alias, model in self.models.items() if model.model == model_id]

    def grant(self, alias: str | None, region: str | None) -> tuple[str, str]:
        """The alias and Region to call; the only alias and its first Region by default.

        Raises ModelNotGrantedError when the tenant's stanza does not grant it. The message lists
        what is granted and never what was asked for: a mixed-up event may hold a prompt there.
        """
        granted = ", ".join(sorted(self.models))
        if alias is None and len(self.models) > 1:
            raise ModelNotGrantedError(f"Name a model; tenant {self.tenant} may call: {granted}.")
        alias = next(iter(self.models)) if alias is None else alias
        if alias not in self.models:
            raise ModelNotGrantedError(
                f"The model asked for is not granted to tenant {self.tenant}; "
                f"write one of: {granted}."
            )
        regions = self.models[alias].regions
        region = regions[0] if region is None else region
        if region not in regions:
            raise ModelNotGrantedError(
                f"Tenant {self.tenant} may not call {alias} in the Region asked for; "
                f"write one of: {', '.join(regions)}."
            )
        return alias, region


def parse(text: str | None) -> Settings:
    """The settings in ``text``, the JSON value of TENANT_BEDROCK.

    Raises SettingsError with a sentence that names what is wrong but not its value, for the
    ExternalId is in there.
    """
    if not text:
        raise SettingsError(
            "TENANT_BEDROCK is not set; it holds the JSON that modules/customer-workload gives the "
            "function, and `make handover` prints its parts."
        )
    try:
        return Settings.model_validate_json(text)
    except ValidationError as error:
        wrong = sorted({_where(problem["loc"]) for problem in error.errors(include_input=False)})
    raise SettingsError(
        f"TENANT_BEDROCK is broken at: {', '.join(wrong)}. Apply the customer root again; it "
        "writes the value from the tenant's stanza."
    )


def _where(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "its JSON syntax"
