"""The contact book: users, organizations, contacts and the activities logged with them.

Knows nothing of Pipedrive's API: its rows carry the ids and attempts, `sync/` listens and fills them in.
"""
