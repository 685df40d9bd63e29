# Each geographic profile: the Regions it can be called from, and those it may
# send a call to, beside the one called. AWS's lists differ from model to model
# and grow; this one holds all of any model. A Region too many grants nothing by
# itself, since the model in it is granted only behind the profile, while a
# Region too few refuses some calls. A stanza's destinations come instead of it.
# https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html
locals {
  geographies = {
    "apac." = {
      from = "^ap-"
      to = [
        "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1",
        "ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-4",
      ]
    }
    "au." = {
      from = "^ap-southeast-"
      to   = ["ap-southeast-2", "ap-southeast-4"]
    }
    "eu." = {
      from = "^eu-"
      to   = ["eu-central-1", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-3"]
    }
    "jp." = {
      from = "^ap-northeast-"
      to   = ["ap-northeast-1", "ap-northeast-3"]
    }
    "us." = {
      from = "^(us-(east|west)|ca-(central|west))-"
      to   = ["us-east-1", "us-east-2", "us-west-1", "us-west-2"]
    }
    "us-gov." = {
      from = "^us-gov-"
      to   = ["us-gov-east-1", "us-gov-west-1"]
    }
  }
}
