# What a reader or an unmasker needs in its own account, besides being named in
# the stanza. It is an output only: these principals belong to somebody else.
locals {
  reader_access = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "AssumeTheReaderRoles"
      Effect   = "Allow"
      Action   = ["sts:AssumeRole"]
      Resource = [local.reader_role_arn, local.unmasker_role_arn]
    }]
  })
}
