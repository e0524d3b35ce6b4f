"""SQLite as Warmline uses it: Django's backend, in which those who write take turns (the setting DATABASES)."""
