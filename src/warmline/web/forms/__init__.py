"""The forms of the pages. What a value may be is decided by the models of `crm/`, and never here."""
