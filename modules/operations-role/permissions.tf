# Converse is authorized as InvokeModel and ConverseStream as
# InvokeModelWithResponseStream: there is no bedrock:Converse to grant.
locals {
  permissions = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid    = "InvokeTheGrantedModels"
      Effect = "Allow"
      Action = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
      Resource = sort(distinct(flatten([
        for granted in values(var.models) : [
          for region in granted.regions :
          "arn:${var.partition}:bedrock:${region}::foundation-model/${granted.model}"
        ]
      ])))
    }]
  })
}
