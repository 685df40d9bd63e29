# With vpc.id, the workload creates VPC endpoints. They belong to the tenant by
# their tag, since an endpoint has no id before it is created.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
locals {
  creates_endpoints = try(var.vpc.id != null, false)
  endpoint_arns     = [format(local.regional_arn, "ec2", "vpc-endpoint/*")]

  endpoint_statements = concat(
    local.creates_endpoints ? [{
      Sid    = "PlaceEndpointsInTheVpc"
      Effect = "Allow"
      Action = ["ec2:CreateVpcEndpoint", "ec2:ModifyVpcEndpoint"]
      Resource = concat(
        [format(local.regional_arn, "ec2", "vpc/${var.vpc.id}")],
        [for id in sort(var.vpc.security_group_ids) : format(local.regional_arn, "ec2", "security-group/${id}")],
        [for id in sort(var.vpc.subnet_ids) : format(local.regional_arn, "ec2", "subnet/${id}")],
      )
    }] : [],
    local.creates_endpoints ? [{
      Sid       = "CreateTheEndpoints"
      Effect    = "Allow"
      Action    = ["ec2:CreateTags", "ec2:CreateVpcEndpoint"]
      Resource  = local.endpoint_arns
      Condition = local.requested_with_the_tenants_tag
    }] : [],
    local.creates_endpoints ? [{
      Sid    = "ManageTheEndpoints"
      Effect = "Allow"
      Action = [
        "ec2:CreateTags",
        "ec2:DeleteTags",
        "ec2:DeleteVpcEndpoints",
        "ec2:ModifyVpcEndpoint",
      ]
      Resource  = local.endpoint_arns
      Condition = local.tagged_with_the_tenant
    }] : [],
    # For the endpoints' private names. The hosted zone is AWS's own, and its ARN
    # is not known before.
    local.creates_endpoints ? [{
      Sid       = "RegisterTheEndpointsNames"
      Effect    = "Allow"
      Action    = ["route53:AssociateVPCWithHostedZone"]
      Resource  = ["*"]
      Condition = { "ForAllValues:StringEquals" = { "route53:VPCs" = ["VPCId=${var.vpc.id}"] } }
    }] : [],
  )
}
