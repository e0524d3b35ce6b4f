"""The forms of an import: the file, and what its columns hold."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.text import Truncator

from warmline.crm.imports import columns
from warmline.crm.imports.heading_words import Column
from warmline.crm.imports.tables import MOST_BYTES, MOST_ROWS
from warmline.web.forms.base import WordedForm

PASTED = "Pasted cells"


class UploadForm(WordedForm, forms.Form):
    """The file, or what was copied from a spreadsheet."""

    file = forms.FileField(
        label="File",
        required=False,
        allow_empty_file=True,
        help_text=f"CSV, Excel (.xlsx) or vCard (.vcf), up to {MOST_BYTES // 1_000_000} MB and {MOST_ROWS:,} rows.",
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,.tsv,.xlsx,.vcf,.vcard,text/csv,text/plain,text/vcard"}),
    )
    cells = forms.CharField(
        label="Or cells that you copied from a spreadsheet",
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    @property
    def brought(self) -> tuple[str, bytes]:
        """The file's name and content, after validation."""
        file = self.cleaned_data["file"]
        return (file.name, file.read()) if file else (PASTED, self.cleaned_data["cells"].encode())

    def clean(self) -> None:
        """Refuse a form without either."""
        super().clean()
        if not self.errors and not self.cleaned_data["file"] and not self.cleaned_data["cells"].strip():
            self.add_error("file", "Choose a file first.")

    def clean_file(self) -> "UploadedFile[Any] | None":
        """Refuse a file that is too large before it is read."""
        file: UploadedFile[Any] | None = self.cleaned_data["file"]
        if file and (file.size or 0) > MOST_BYTES:
            raise ValidationError(f"The file is larger than {MOST_BYTES // 1_000_000} MB. Split it into several files.")
        return file


class ColumnsForm(WordedForm, forms.Form):
    """Which row names the columns, and what each of them holds.

    Args:
        rows: The first rows, by number, with their cells.
        headings: What names the columns.
        present: What they hold as far as known.
    """

    heading = forms.TypedChoiceField(label="Row with the column names", required=False, coerce=int, empty_value=None)

    rest = forms.BooleanField(label="Put what no other field takes into the note", required=False)

    def __init__(
        self,
        *args: Any,
        rows: Sequence[tuple[int, Sequence[str]]],
        headings: Sequence[str],
        present: Sequence[str],
        **more: Any,
    ) -> None:
        super().__init__(*args, **more)
        self._width = len(headings)
        beginnings = [(str(number), f"Row {number}: {_beginning(cells)}") for number, cells in rows]
        heading: Any = self.fields["heading"]
        heading.choices = [("", "None: the first row is a contact"), *beginnings]
        for index, name in enumerate(headings):
            self.fields[f"column-{index}"] = forms.ChoiceField(
                label=f"Content of “{name}”", choices=Column.choices, required=False, initial=present[index]
            )

    @property
    def chosen(self) -> list[str]:
        """What each column holds, after validation."""
        rest = Column.NOTE.value if self.cleaned_data["rest"] else Column.IGNORED.value
        return [self.cleaned_data[f"column-{index}"] or rest for index in range(self._width)]

    def clean(self) -> None:
        """Refuse what no contact can be read from."""
        super().clean()
        pointed = "heading" in self.changed_data and self.cleaned_data.get("heading")
        if not self.errors and not pointed and (problem := columns.problem(self.chosen)):
            raise ValidationError(problem)


def _beginning(cells: Sequence[str]) -> str:
    return Truncator(" · ".join(cell.strip() for cell in cells if cell.strip())).chars(60)
