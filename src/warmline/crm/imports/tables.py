"""What any file of contacts comes to: a table of texts, whatever form it had. Pure: no database."""

from dataclasses import dataclass

DELIMITERS = ",;\t|"  # what stands between the cells of a text file
MOST_BYTES = 5_000_000
MOST_ROWS = 20_000
MOST_COLUMNS = 300  # Google's and Outlook's exports have about a hundred
MOST_IN_CELL = 131_072  # characters; the limit of Python's CSV reader, and four times that of Excel


class FileError(Exception):
    """The file cannot be read; the message says why and what to do."""


@dataclass(frozen=True)
class Table:
    """What a file holds.

    Attributes:
        rows: By the number that a spreadsheet shows beside them, with their cells; empty ones are left out.
        encoding: How its text was written, such as UTF-8 or Windows-1252; or what else it is: Excel.
        delimiter: What stands between the cells; empty where nothing does.
        left_out: What of the file is in no row, in words.
        profile: Which program wrote it, where the file itself says so.
    """

    rows: tuple[tuple[int, list[str]], ...]
    encoding: str
    delimiter: str = ""
    left_out: tuple[str, ...] = ()
    profile: str = ""


def too_many_rows() -> FileError:
    """Return the error of a file with too many rows."""
    return FileError(f"The file has more than {MOST_ROWS:,} rows. Split it into several files.")


def too_many_columns() -> FileError:
    """Return the error of a file with too many columns."""
    return FileError(f"The file has more than {MOST_COLUMNS} columns. Remove those that are not needed.")


def too_long_cell(name: str) -> FileError:
    """Return the error of a file with more text in one place than anybody writes.

    Args:
        name: The place, such as `Row 12`.
    """
    return FileError(f"{name} has a text of more than {MOST_IN_CELL:,} characters. Shorten it and try again.")
