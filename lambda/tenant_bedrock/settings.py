"""What Terraform tells the package, parsed once from TENANT_BEDROCK."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tenant_bedrock.errors import ModelNotGrantedError, SettingsError

Text = Annotated[str, Field(min_length=1)]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Model(_Frozen):
    """A granted model: Bedrock's id and the Regions it may be called in, the default one first."""

    model: Text
    regions: Annotated[tuple[Text, ...], Field(min_length=1)]


class Settings(_Frozen):
    """One tenant's side of the hand-over, with the models it may call by alias."""

    environment: Text
    external_id: Annotated[str, Field(min_length=2, repr=False)]  # STS takes 2 to 1,224 characters
    models: Annotated[dict[str, Model], Field(min_length=1)]
    record_log_group: Text
    role_arn: Annotated[str, Field(pattern=r"^arn:[^:]+:iam::\d{12}:role/.+$")]
    tenant: Text

    @property
    def operations_account(self) -> str:
        """The account that owns the role and pays for the model: the one Bedrock would log."""
        return self.role_arn.split(":")[4]

    def grant(self, alias: str | None, region: str | None) -> tuple[str, str, str]:
        """The alias, model id and Region to call; the only alias and its first Region by default.

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
        model = self.models[alias]
        region = model.regions[0] if region is None else region
        if region not in model.regions:
            raise ModelNotGrantedError(
                f"Tenant {self.tenant} may not call {alias} in the Region asked for; "
                f"write one of: {', '.join(model.regions)}."
            )
        return alias, model.model, region


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
