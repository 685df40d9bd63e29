"""What tenants cost: from AWS's bill, by tenant, and from the stanzas and a file of prices."""
