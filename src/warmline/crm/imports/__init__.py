"""Adding many contacts at once: from a file, in the background, or through the API.

Reading the file, matching its columns, the rows on their way, and the worker that checks and adds them. How a single
contact is added is `crm/book.py`'s business.
"""
