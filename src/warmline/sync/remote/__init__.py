"""What we know of the company's Pipedrive account: client, credentials, health, setup, references, directory.

It is asked here whether the connection works, what the account is made of, and what it holds. Nothing here brings a row
over.
"""
