"""The contact book as JSON. It says who may do what and in which shape; the rules themselves are crm's and sync's.

Each call changes rows through `crm.book` and `sync.retry` and answers with the row as it is then. Nothing here waits
for Pipedrive: a saved row is wanted, and its `sync` tells how far it is.
"""
