"""The mark of each sync state: its icon and its words, wherever a row is shown."""

from warmline.sync.row_state import SyncState

BADGES = {
    SyncState.NOT_WANTED: ("person", "Not in Pipedrive"),
    SyncState.WANTED: ("clock", "Waiting"),
    SyncState.IN_PROGRESS: ("sync", "In progress"),
    SyncState.SYNCED: ("check", "In Pipedrive"),
    SyncState.FAILED: ("alert", "Failed"),
}
CHOICE = ("people", "Choose")  # for a failed row for which a person has to choose the record
