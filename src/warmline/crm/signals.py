"""What the contact book lets others know, beside Django's own signals, without knowing who listens."""

from datetime import timedelta

from django.dispatch import Signal

AT_ONCE = timedelta(0)  # the grace of what need not be undone: calls of the API, imports

# These are sent within the transaction of what they tell of. The sender is the model of the rows.

# A person or an import is about to change a row: `row`, as it is stored.
row_changing = Signal()
# A row has changed and is stored next: `row` with its new values, `before` with the earlier values of the fields that
# changed, `in_bulk`, which is true for an import, and `grace`: how long a contact that becomes warm by this waits
# before it is sent. A receiver returns the values of further columns, by name: they are stored in the same statement.
# It returns an empty dictionary if there are none.
row_changed = Signal()
# A contact is about to be added by hand: `contact`, and `grace` as above. A receiver may set further columns of it.
contact_adding = Signal()
# An import is about to add rows: `rows`, a list. A receiver may set further columns of them.
rows_importing = Signal()
# An import has added rows, which sends no post_save.
rows_imported = Signal()
# An activity is about to be logged: `activity`, whose contact is locked. A receiver may set further columns of it.
activity_logging = Signal()
# An activity is about to be deleted by itself, and not with its contact: `activity`, with its contact, and `grace`: how
# long that can be undone. Sent before `rows_deleted`.
activity_deleting = Signal()
# Rows are about to be deleted: `rows`, a list.
rows_deleted = Signal()
# Rows that were deleted are there again: `rows`, a list of all tables' rows.
rows_restored = Signal()

# The file of an import is to be checked or imported. Sent after the commit.
import_wanted = Signal()
# The contacts of a file have been imported: `run`. Sent within the transaction, the sender being its model.
import_done = Signal()

# Contacts have become warm leads: `contacts`, a list. Sent within the transaction, the sender being their model.
contacts_warmed = Signal()

# What is kept for a time only is to go, see retention.py. Sent once a day, and when the server starts, with `now`.
day_passed = Signal()
