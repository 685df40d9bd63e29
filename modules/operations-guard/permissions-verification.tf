# What the daily verification may do: read settings, lists and CloudTrail's events, write its
# own metrics, and notify. It may change nothing.
locals {
  verification_permissions = [
    # Lists and settings of the account, for which AWS has no resource to name.
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudtrail.html
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsorganizations.html
    {
      Sid    = "ReadWhatMayKeepContent"
      Effect = "Allow"
      Action = [
        "bedrock:GetAccountDataRetention",
        "bedrock:GetAccountDataRetentionStorage",
        "bedrock:GetModelInvocationLoggingConfiguration",
        "bedrock:ListAdvancedPromptOptimizationJobs",
        "bedrock:ListAgents",
        "bedrock:ListAsyncInvokes",
        "bedrock:ListCustomModels",
        "bedrock:ListEvaluationJobs",
        "bedrock:ListFlows",
        "bedrock:ListImportedModels",
        "bedrock:ListKnowledgeBases",
        "bedrock:ListModelCustomizationJobs",
        "bedrock:ListModelImportJobs",
        "bedrock:ListModelInvocationJobs",
        "bedrock:ListProjects",
        "bedrock:ListPrompts",
        "bedrock:ListSessions",
        "bedrock:ListTrustedAccessPrograms",
        "cloudtrail:LookupEvents",
        "iam:GetAccountAuthorizationDetails",
        "organizations:DescribeOrganization",
      ]
      Resource = "*"
    },
    # To which Regions AWS sends calls at present.
    {
      Sid      = "ReadTheDestinationsOfProfiles"
      Effect   = "Allow"
      Action   = ["bedrock:GetInferenceProfile"]
      Resource = "arn:${var.partition}:bedrock:*:${var.account_id}:inference-profile/*"
    },
    # The policies are in the management account, which nobody names here, and they and the
    # units to which they are attached have ids of AWS's making.
    {
      Sid      = "ReadServiceControlPolicies"
      Effect   = "Allow"
      Action   = ["organizations:DescribePolicy", "organizations:ListParents", "organizations:ListPoliciesForTarget"]
      Resource = "*"
    },
    # Metrics have no resource; the namespace is this environment's own.
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-namespace.html
    {
      Sid       = "WriteItsOwnMetrics"
      Effect    = "Allow"
      Action    = ["cloudwatch:PutMetricData"]
      Resource  = "*"
      Condition = { StringEquals = { "cloudwatch:namespace" = local.metric_namespace } }
    },
  ]
}
