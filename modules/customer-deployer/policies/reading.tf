# What the deployer is denied, whatever else is attached to its role.
locals {
  # Every CloudWatch Logs action that returns what a log holds, or copies it elsewhere:
  # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
  reading_actions = [
    "logs:CreateExportTask",
    "logs:CreateLogAnomalyDetector",
    "logs:FilterLogEvents",
    "logs:GetLogEvents",
    "logs:GetLogRecord",
    "logs:GetQueryResults",
    "logs:IntegrateWithDataset",
    "logs:IntegrateWithS3Table",
    "logs:ProcessWithPipeline",
    "logs:PutMetricFilter",
    "logs:PutSubscriptionFilter",
    "logs:StartLiveTail",
    "logs:StartQuery",
    "logs:Unmask",
  ]
}
