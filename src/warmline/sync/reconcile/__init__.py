"""Reconciles one row with its record in Pipedrive: finds or creates the record, and sends edits by a three-way merge.

When that happens is decided in `engine`. What concerns the account as a whole is in `remote`.
"""
