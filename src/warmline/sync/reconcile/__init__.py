"""Brings one record in line with its row: is it there already, else create it; an edit goes over by a three-way merge.

Nothing here decides when: that is `engine`'s. What is asked of the account as a whole is `remote`'s.
"""
