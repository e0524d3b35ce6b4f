"""What people can see of the sync, and do about it: lists, failures, the last day, explanations, retrying.

Pages, API and command line use this package. Nothing here calls Pipedrive.
"""
