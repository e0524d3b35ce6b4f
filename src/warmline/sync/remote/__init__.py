"""What Warmline knows about the Pipedrive account: client, connection, setup, references, directory.

This package finds out whether the connection works, which users, types and fields the account has, and which records it
holds. It sends no rows.
"""
