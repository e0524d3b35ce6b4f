"""What the contact book lets others know, beside Django's own signals, without knowing who listens."""

from django.dispatch import Signal

# Rows were saved in bulk, which sends no post_save. Sent within their transaction, the sender being their model.
rows_saved = Signal()
# A person is about to change a row: `row`, as it is stored. Sent within the transaction, the sender being its model.
row_changing = Signal()
# Rows are about to be deleted: `rows`, a list of them. Sent within the transaction, the sender being their model.
rows_deleted = Signal()

# The file of an import is to be checked or imported. Sent after the commit.
import_wanted = Signal()

# Contacts have become warm leads: `contacts`, a list. Sent within the transaction, the sender being their model.
contacts_warmed = Signal()

# What is kept for a time only is to go, see retention.py. Sent once a day, and when the server starts, with `now`.
day_passed = Signal()
