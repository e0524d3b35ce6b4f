"""Warmline: every warm contact, and every activity logged with it, is in Pipedrive, exactly once."""
