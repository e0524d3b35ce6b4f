"""The audit: reads Pipedrive again and compares every link with it, at night and when somebody asks.

What a list shows is only a suspicion: it may be older than the row, or the row is being sent. So each suspect is looked
at again by itself, and counts only if nothing happened to the row meanwhile.
"""
