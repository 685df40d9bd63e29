# EventBridge rules that tell the topic, in a sentence, who changed or used access in a way
# that no stanza explains. CloudTrail is their source, so they need a trail that logs
# management events:
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
#
# A sentence has names of AWS's making only: of operations, Regions, error codes, accounts,
# and of roles and users that exist. Error messages, names of sessions, policies and ids of
# models are what a caller wrote, so no path reads them.
locals {
  access_rules = {
    assumed-roles = {
      detail = {
        errorCode         = local.succeeded
        eventName         = [{ prefix = "AssumeRole" }]
        eventSource       = ["sts.amazonaws.com"]
        requestParameters = { roleArn = local.names_tenant_role }
        userIdentity      = { accountId = local.other_accounts }
      }
      paths     = { account = "$.detail.userIdentity.accountId", service = "$.detail.userIdentity.invokedBy", subject = "$.detail.requestParameters.roleArn" }
      read_only = true
      text      = "<subject> was assumed by <account><service>, which is not an account of a stanza."
    }
    denials = {
      detail = {
        errorCode         = local.succeeded
        eventName         = ["CreatePolicyVersion", "DeletePolicy", "DeletePolicyVersion", "SetDefaultPolicyVersion"]
        eventSource       = ["iam.amazonaws.com"]
        requestParameters = { policyArn = local.names_denial }
        userIdentity      = local.is_stranger
      }
      paths = merge(local.caller_paths, { subject = "$.detail.requestParameters.policyArn" })
      text  = "<event> changed <subject>, which stops tenants at their quota. The caller was ${local.caller}."
    }
    guardrails = {
      detail = {
        errorCode   = local.succeeded
        eventName   = [{ wildcard = "Create*Guardrail*" }, { wildcard = "Delete*Guardrail*" }, { wildcard = "Put*Guardrail*" }, { wildcard = "Update*Guardrail*" }]
        eventSource = ["bedrock.amazonaws.com"]
      }
      paths = local.caller_paths
      text  = "<event> changed the guardrails of the operations account. The caller was ${local.caller}."
    }
    invocation-logging = {
      detail = {
        errorCode   = local.succeeded
        eventName   = ["DeleteModelInvocationLoggingConfiguration", "PutModelInvocationLoggingConfiguration"]
        eventSource = ["bedrock.amazonaws.com"]
      }
      paths = local.caller_paths
      text  = "<event> changed whether Bedrock logs prompts and answers in the operations account. The caller was ${local.caller}."
    }
    # A grant finds a tenant's profiles by their tags, and the guard marks those without quota.
    # Guards of other environments mark theirs, and no ARN of a profile names its environment.
    profiles = {
      detail = {
        errorCode         = local.succeeded
        eventName         = ["TagResource", "UntagResource"]
        eventSource       = ["bedrock.amazonaws.com"]
        requestParameters = { resourceARN = [{ prefix = trimsuffix(local.profiles, "*") }] }
        userIdentity = merge(local.is_stranger, {
          sessionContext = { sessionIssuer = { arn = [{ exists = false }, { anything-but = { wildcard = concat(["${local.iam}:role/bedrock-*_guard"], local.trusted) } }] } }
        })
      }
      paths = merge(local.caller_paths, { subject = "$.detail.requestParameters.resourceARN" })
      text  = "<event> changed tags of <subject>, by which tenants are granted profiles and stopped at their quota. The caller was ${local.caller}, which is neither a deployer nor a guard."
    }
    projects = {
      detail = {
        errorCode   = local.succeeded
        eventName   = ["ArchiveProject", "CreateProject", "UpdateProject", { prefix = "PutTrustedAccessProgram" }]
        eventSource = [{ prefix = "bedrock" }]
      }
      paths = local.caller_paths
      text  = "<event> changed a Bedrock project or an enrollment, which can have a data retention of its own. The caller was ${local.caller}."
    }
    refused-assume-role = {
      detail = {
        errorCode    = local.refused
        errorMessage = [{ wildcard = "*:role/bedrock-${var.environment}-*" }]
        eventName    = ["AssumeRole"] # the others have a name in userName that an identity provider chose
        eventSource  = ["sts.amazonaws.com"]
      }
      paths     = local.caller_paths
      read_only = true
      text      = "<event> of a tenant's role was refused. The caller was ${local.caller}, in the operations account."
    }
    # A Deny of the guard or of a suspension refuses calls of Bedrock and of the usage parameter every
    # day, so only these two services are left out. The package asks STS after each refusal whether
    # the tenant is suspended.
    refused-calls = {
      detail = {
        "$or" = [
          { errorMessage = [{ exists = false }, { anything-but = { wildcard = "*explicit deny in an identity-based policy*" } }] },
          { eventSource = [{ anything-but = ["bedrock.amazonaws.com", "ssm.amazonaws.com"] }] },
        ]
        errorCode    = local.refused
        eventName    = [{ anything-but = ["DecodeAuthorizationMessage"] }]
        userIdentity = { sessionContext = { sessionIssuer = { arn = local.is_tenant_role } } }
      }
      paths     = { error = "$.detail.errorCode", service = "$.detail.eventSource", subject = "$.detail.userIdentity.sessionContext.sessionIssuer.arn" }
      read_only = true
      text      = "<subject> was refused <event> of <service> (<error>)."
    }
    retention = {
      detail = {
        errorCode   = local.succeeded
        eventName   = [{ wildcard = "Delete*DataRetention*" }, { wildcard = "Put*DataRetention*" }]
        eventSource = [{ prefix = "bedrock" }]
      }
      paths = local.caller_paths
      text  = "<event> changed for how long Bedrock keeps prompts and answers. The caller was ${local.caller}."
    }
    roles = {
      detail = {
        errorCode         = local.succeeded
        eventName         = [for verb in ["Attach", "Create", "Delete", "Detach", "Put", "Tag", "Untag", "Update"] : { prefix = verb }]
        eventSource       = ["iam.amazonaws.com"]
        requestParameters = { roleName = local.names_own_role }
        userIdentity      = local.is_stranger
      }
      paths = merge(local.caller_paths, { subject = "$.detail.requestParameters.roleName" })
      text  = "<event> changed the role <subject>. The caller was ${local.caller}, which is neither a deployer nor the guard."
    }
    rules = {
      detail = {
        "$or" = [for name, texts in {
          name            = [{ prefix = local.name }]
          resourceArn     = [local.topic_arn] # of a data protection policy, which can block messages
          rule            = [{ prefix = local.name }]
          subscriptionArn = [{ prefix = "${local.topic_arn}:" }]
          topicArn        = [local.topic_arn]
        } : { requestParameters = { (name) = texts } }]
        errorCode    = local.succeeded
        eventSource  = ["events.amazonaws.com", "sns.amazonaws.com"]
        userIdentity = local.is_stranger
      }
      paths = local.caller_paths
      text  = "<event> changed the rules or the topic that tell of access. The caller was ${local.caller}, which is not a deployer."
    }
    trails = {
      detail = {
        errorCode   = local.succeeded
        eventName   = ["DeleteTrail", "PutEventSelectors", "StopLogging", "UpdateTrail"]
        eventSource = ["cloudtrail.amazonaws.com"]
      }
      paths = local.caller_paths
      text  = "<event> changed or stopped a trail, without which nobody is told of access. The caller was ${local.caller}."
    }
  }
}
