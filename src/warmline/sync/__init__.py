"""The promise: every warm contact and its activities are in Pipedrive, exactly once.

`engine` decides who works and when, `reconcile` brings one record in line, `remote` knows the company's account, and
`status` answers what people ask. What all of them share lies here: models, policy, pending rows, leases, intents,
failures. The package listens to `crm/`, and calls Pipedrive through `pipedrive/` alone.
"""
