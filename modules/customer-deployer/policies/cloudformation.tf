# The same role and boundary for customers without Terraform. It creates named
# IAM resources, so CloudFormation asks for CAPABILITY_NAMED_IAM.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-role.html
locals {
  cloudformation_template = jsonencode({
    AWSTemplateFormatVersion = "2010-09-09"
    Description              = local.role.description
    Resources = merge(
      {
        DeployerRole = {
          Type = "AWS::IAM::Role"
          Properties = {
            RoleName                 = local.role.name
            Description              = local.role.description
            AssumeRolePolicyDocument = jsondecode(local.trust)
            Policies                 = [{ PolicyName = "deployer", PolicyDocument = jsondecode(local.permissions) }]
            Tags                     = [{ Key = "tenant", Value = var.tenant }]
          }
        }
      },
      local.boundary_policy == null ? {} : {
        WorkloadBoundary = {
          Type = "AWS::IAM::ManagedPolicy"
          Properties = {
            ManagedPolicyName = local.boundary_policy.name
            Path              = local.boundary_policy.path
            Description       = local.boundary_policy.description
            PolicyDocument    = jsondecode(local.boundary)
          }
        }
      },
    )
    Outputs = {
      RoleArn = {
        Description = "The role that Terraform assumes in this account."
        Value       = { "Fn::GetAtt" = ["DeployerRole", "Arn"] }
      }
    }
  })
}
