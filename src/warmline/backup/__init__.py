"""`warmline backup` and `warmline restore`: everything that the database holds in one file, and back.

The file is a zip archive, so whatever is cut short or damaged is noticed before anything is changed. The secret key is
never in it: who finds a backup cannot use the token that is in it. After a restore all links are checked before
anything is sent (see sync/remote/reconcile_first.py).
"""
