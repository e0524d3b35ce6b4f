"""What people ask about the sync, and what they can do about it: lists, failures, the last day, explanations, retrying.

Pages, API and command line read it here. Nothing here calls Pipedrive.
"""
