"""What `make verify` and `make access` read and write, beside the package that verifies the operations account.

guarded_operations   which Regions, profiles and tenants of an environment are verified
customer_records     where the records are: each customer account's log groups and key
verification_report  the result for people, for machines and as dated evidence
trail_lookup         events of the operations account, without the names of sessions and ExternalIds
tenant_access        what a review of one tenant's access shows
access_reading       what it is read from: IAM, CloudTrail's event history, Bedrock's counts
filed_evidence       the newest certificate of a proof and the newest report of `make verify`
access_report        the review for people, for machines and as dated evidence
"""
