"""The forms of the pages. Which values are valid is decided by the models in `crm/`, not here."""
