"""What other commands need before they can do their work; `make doctor` prints it. Nothing is changed.

readiness_check       one thing that was looked at: its status, its state in words, and what to do
operator_access       this machine: Terraform, credentials, the clock, and the way to AWS's endpoints
operations_readiness  the operations account: state bucket, locks, hand-overs, models, Regions and quotas
customer_readiness    each customer account: the deployer and the inspector
"""
