# With vpc.id, the workload creates VPC endpoints. An endpoint has no id before it is
# created, so its tags say that the deployer made it. The deployer can set them only
# while it creates an endpoint, and change them only where they are: it cannot claim
# an endpoint that exists by tagging it.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
locals {
  creates_endpoints = try(var.vpc.id != null, false)
  endpoint_arns     = [format(local.regional_arn, "ec2", "vpc-endpoint/*")]

  # The tenant alone is not enough: two of its environments may share an account.
  endpoint_tags       = { environment = var.environment, tenant = var.tenant }
  tagged_as_ours      = { for tag, text in local.endpoint_tags : "aws:ResourceTag/${tag}" => text }
  tagged_on_creation  = { for tag, text in local.endpoint_tags : "aws:RequestTag/${tag}" => text }
  service_name_prefix = "${join(".", reverse(split(".", local.dns_suffix)))}.${var.region}"

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
      # Only for AWS's own three services: an endpoint of somebody else's service
      # could take over a name in the VPC.
      Sid      = "CreateTheEndpoints"
      Effect   = "Allow"
      Action   = ["ec2:CreateVpcEndpoint"]
      Resource = local.endpoint_arns
      Condition = {
        StringEquals = merge(local.tagged_on_creation, {
          "ec2:VpceServiceName" = [for service in ["bedrock-runtime", "logs", "sts"] : "${local.service_name_prefix}.${service}"]
        })
      }
    }] : [],
    local.creates_endpoints ? [{
      Sid      = "TagTheEndpointsOnCreation"
      Effect   = "Allow"
      Action   = ["ec2:CreateTags"]
      Resource = local.endpoint_arns
      Condition = {
        StringEquals = merge(local.tagged_on_creation, { "ec2:CreateAction" = "CreateVpcEndpoint" })
      }
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
      Condition = { StringEquals = local.tagged_as_ours }
    }] : [],
    # For the endpoints' private names. The hosted zone is AWS's own, and its ARN
    # is not known before. ForAllValues also holds for a request without the key,
    # so Null demands it.
    # https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/specifying-conditions-route53.html
    local.creates_endpoints ? [{
      Sid      = "RegisterTheEndpointsNames"
      Effect   = "Allow"
      Action   = ["route53:AssociateVPCWithHostedZone"]
      Resource = ["*"]
      Condition = {
        "ForAllValues:StringEquals" = { "route53:VPCs" = ["VPCId=${var.vpc.id},VPCRegion=${var.region}"] }
        Null                        = { "route53:VPCs" = "false" }
      }
    }] : [],
  )
}
