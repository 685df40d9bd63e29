"""Verify that the operations account keeps nothing of what tenants ask and what models answer.

It reads configuration and names with boto3 and changes nothing. The modules in reading order:

verified_line         one line of the result: its status, what was found, and how that is known
aws_reader            one question to AWS: its answer, something that does not exist, or no answer
guarded_account       what to verify: the account, its Regions, its tenants
invocation_logging    Bedrock's log of prompts and answers
account_retention     the mode of data retention
bedrock_projects      projects, storage of retained data, trusted-access programs
leftovers             jobs, agents, knowledge bases and others in which content stays
session_names         the names of sessions in CloudTrail's events
authorization_details the policies of all roles, users and groups
role_permissions      what tenants' roles may do beside calling models
organization_policy   the service control policy that forbids changes of all this
aws_statements        what nobody can check, and AWS says
verification          all of it
"""
