"""The JSON API. It decides who may call what, and in which format; the rules themselves are in crm and sync.

Each call changes rows through `crm.book` and `sync.retry` and answers with the row as it is then. Nothing here waits
for Pipedrive: a saved row is wanted, and its `sync` tells how far it is.
"""
