"""A file of contacts in any form that people bring, CSV, Excel or vCard: told by its content, not by its name. Pure."""

from warmline.crm.imports import csv_files, vcards, workbooks
from warmline.crm.imports.tables import MOST_BYTES, FileError, Table


def read(content: bytes) -> Table:
    """Read a file.

    Args:
        content: All of it.

    Raises:
        FileError: When it is too large, empty, or in no form that we know.
    """
    if len(content) > MOST_BYTES:
        raise FileError(f"The file is larger than {MOST_BYTES // 1_000_000} MB. Split it into several files.")
    if workbooks.is_one(content):
        return workbooks.read(content)
    if vcards.is_one(content):
        return vcards.read(content)
    return csv_files.read(content)
