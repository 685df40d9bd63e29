"""What `make verify` reads and writes, beside the package that verifies the operations account.

guarded_operations   which Regions, profiles and tenants of an environment are verified
customer_records     where the records are: each customer account's log groups and key
verification_report  the result for people, for machines and as dated evidence
"""
