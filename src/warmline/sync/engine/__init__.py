"""Runs the sync: the dispatcher, one row's attempt and its outcome, and the reactions to the contact book's signals.

How a row is reconciled with its record is in `reconcile`. What is known about the account is in `remote`.
"""
