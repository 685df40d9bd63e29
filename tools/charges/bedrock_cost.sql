-- What each IAM principal's calls of Amazon Bedrock have cost, by day, from a Cost and Usage Report 2.0.
--
-- It runs as it is in Athena (engine version 3); write the database and the table of your export in place of
-- cost_and_usage_report. `make chargeback` runs the same text in DuckDB. Both engines have every function in it.
--
-- The columns are those of AWS's dictionary:
-- https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2.html
-- The export needs the IAM principals: docs/how-to/charge-tenants.md says how to make it. In a table that is
-- partitioned by month, add `AND billing_period = '2026-11'` to read one month alone.
--
-- A principal is arn:aws:sts::<operations account>:assumed-role/bedrock-<environment>-<tenant>/<tenant>. No
-- environment's name has a hyphen, so the first two hyphens end the parts. A tenant_tag that is another than the
-- tenant of the role means that somebody has tagged the role by hand.
-- https://docs.aws.amazon.com/bedrock/latest/userguide/cost-mgmt-iam-principal-tracking.html
SELECT
  cast(line_item_usage_start_date AS date) AS usage_date,
  line_item_usage_account_id AS account_id,
  nullif(regexp_extract(line_item_iam_principal, ':assumed-role/bedrock-([a-z][a-z0-9]*)-[a-z0-9-]+/', 1), '') AS environment,
  nullif(regexp_extract(line_item_iam_principal, ':assumed-role/bedrock-[a-z][a-z0-9]*-([a-z0-9-]+)/', 1), '') AS tenant,
  nullif(line_item_iam_principal, '') AS iam_principal,
  nullif(element_at(tags, 'iamPrincipal/tenant'), '') AS tenant_tag,
  -- The alias of a tracked model, whose profile has the tag `alias`, if that tag is active.
  nullif(element_at(tags, 'resourceTags/alias'), '') AS alias_tag,
  nullif(line_item_resource_id, '') AS resource_id,
  coalesce(nullif(element_at(product, 'product_name'), ''), line_item_product_code) AS product_name,
  line_item_line_item_type AS line_item_type,
  line_item_usage_type AS usage_type,
  line_item_line_item_description AS description,
  pricing_unit,
  line_item_currency_code AS currency,
  sum(cast(coalesce(line_item_usage_amount, 0) AS decimal(38, 12))) AS usage_amount,
  sum(cast(coalesce(line_item_unblended_cost, 0) AS decimal(38, 12))) AS cost,
  -- What is paid after private discounts; it is empty where there are none.
  sum(cast(coalesce(line_item_net_unblended_cost, line_item_unblended_cost, 0) AS decimal(38, 12))) AS net_cost,
  min(cast(line_item_usage_start_date AS timestamp)) AS first_start,
  max(cast(line_item_usage_end_date AS timestamp)) AS last_end
FROM cost_and_usage_report
-- Models of other providers are products of their own, such as "Claude Haiku 4.5 (Amazon Bedrock Edition)".
WHERE line_item_product_code = 'AmazonBedrock'
  OR element_at(product, 'product_name') LIKE '%Bedrock%'
  OR line_item_iam_principal LIKE '%:assumed-role/bedrock-%'
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14
ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14
