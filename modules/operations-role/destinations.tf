# For each geographic profile, the Regions it can be called from and the Regions
# that it may send a call to in addition to the one that is called. This table is
# of 2026-11-23. AWS's lists differ between models and grow, and AWS no longer
# publishes them in one table: `make models` reads the real list of each model and
# Region with GetInferenceProfile, and with WRITE=1 writes it into the stanza, whose
# destinations replace this list. A superfluous Region grants nothing by itself,
# since the model there can only be called through the profile, whereas a missing
# Region makes calls fail.
# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetInferenceProfile.html
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
