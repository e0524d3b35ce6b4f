"""Who works, and when: the dispatcher, one row's attempt and what its outcome does, the contact book's signals.

How a record is brought in line is `reconcile`'s; what the account holds is `remote`'s.
"""
