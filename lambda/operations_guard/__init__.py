"""Watch the operations account: that it keeps nothing of what tenants ask, and that quotas are kept.

It needs boto3 alone. What verifies reads configuration and names, and changes nothing. The modules in reading order:

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
verification_input    what Terraform tells of a shard: Regions, profiles, tenants
daily_verification    the function that verifies every day, and tells the operator

What keeps quotas reads counts, and attaches and detaches two policies that only deny:

quota_windows         days and months in a time zone
guard_input           what Terraform tells of a shard's tenants
tracked_profiles      the profiles by which Bedrock counts
token_counts          their counts, in few calls and few metrics
quota_decision        use against limits, and when to read next
reading_cost          what a month of reading costs
quota_denial          the two policies
usage_parameter       what a tenant may know, and what was told
reading_plan          when each tenant is read next
quota_notices         messages and events
lease_renewal         the lease that a run moves on
quota_sweep           a run
guard_settings        the settings of the functions
handler               the function of a run
lease_end             the function at the end of a lease
"""
