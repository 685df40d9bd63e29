terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}

provider "aws" {
  region              = var.operations.region
  allowed_account_ids = [var.operations.account_id]

  default_tags {
    tags = {
      environment = var.environment
      managed-by  = "terraform"
    }
  }
}
