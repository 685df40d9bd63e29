# The same role, boundary and key for customers without Terraform. It creates named
# IAM resources, so CloudFormation asks for CAPABILITY_NAMED_IAM.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-role.html
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-kms-key.html
locals {
  cloudformation_tags = {
    key  = [for key in sort(keys(local.tags)) : { Key = key, Value = local.tags[key] }]
    role = [for key in sort(keys(local.role_tags)) : { Key = key, Value = local.role_tags[key] }]
  }

  cloudformation_template = jsonencode({
    AWSTemplateFormatVersion = "2010-09-09"
    Description              = local.role.description
    Resources = {
      DeployerRole = {
        Type = "AWS::IAM::Role"
        Properties = {
          RoleName                 = local.role.name
          Description              = local.role.description
          AssumeRolePolicyDocument = jsondecode(local.trust)
          Policies                 = [{ PolicyName = "deployer", PolicyDocument = jsondecode(local.permissions) }]
          Tags                     = local.cloudformation_tags.role
        }
      }
      RecordsKey = {
        Type                = "AWS::KMS::Key"
        DeletionPolicy      = "Retain" # records cannot be read without the key
        UpdateReplacePolicy = "Retain"
        Properties = {
          Description         = local.key.description
          EnableKeyRotation   = true
          KeyPolicy           = jsondecode(local.key_policy)
          PendingWindowInDays = 30
          Tags                = local.cloudformation_tags.key
        }
      }
      RecordsKeyAlias = {
        Type = "AWS::KMS::Alias"
        Properties = {
          AliasName   = local.key.alias
          TargetKeyId = { Ref = "RecordsKey" }
        }
      }
      WorkloadBoundary = {
        Type = "AWS::IAM::ManagedPolicy"
        Properties = {
          ManagedPolicyName = local.boundary_policy.name
          Path              = local.boundary_policy.path
          Description       = local.boundary_policy.description
          PolicyDocument    = jsondecode(local.boundary)
        }
      }
    }
    Outputs = {
      RoleArn = {
        Description = "The role that Terraform assumes in this account."
        Value       = { "Fn::GetAtt" = ["DeployerRole", "Arn"] }
      }
    }
  })
}
