"""The forms of an import: the file, and what its columns hold."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile

from warmline.crm.imports import columns
from warmline.crm.imports.columns import Column
from warmline.crm.imports.csv_files import MOST_BYTES, MOST_ROWS
from warmline.web.forms.base import WordedForm


class UploadForm(WordedForm, forms.Form):
    """The file."""

    file = forms.FileField(
        label="CSV file",
        allow_empty_file=True,
        help_text=f"Up to {MOST_BYTES // 1_000_000} MB and {MOST_ROWS:,} rows. Every spreadsheet can save as CSV.",
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,.tsv,text/csv,text/plain"}),
        error_messages={"required": "Choose a file first."},
    )

    def clean_file(self) -> "UploadedFile[Any]":
        """Refuse a file that is too large before it is read."""
        file: UploadedFile[Any] = self.cleaned_data["file"]
        if (file.size or 0) > MOST_BYTES:
            raise ValidationError(f"The file is larger than {MOST_BYTES // 1_000_000} MB. Split it into several files.")
        return file


class ColumnsForm(WordedForm, forms.Form):
    """What each column holds.

    Args:
        headings: What names them.
        present: What they hold as far as known.
    """

    has_headings = forms.BooleanField(label="The first row contains column names", required=False)

    def __init__(self, *args: Any, headings: Sequence[str], present: Sequence[str], **more: Any) -> None:
        super().__init__(*args, **more)
        self._width = len(headings)
        for index, heading in enumerate(headings):
            self.fields[f"column-{index}"] = forms.ChoiceField(
                label=f"Content of “{heading}”", choices=Column.choices, required=False, initial=present[index]
            )

    @property
    def chosen(self) -> list[str]:
        """What each column holds, after validation."""
        return [self.cleaned_data[f"column-{index}"] for index in range(self._width)]

    def clean(self) -> None:
        """Refuse what no contact can be read from."""
        super().clean()
        if not self.errors and (problem := columns.problem(self.chosen)):
            raise ValidationError(problem)
