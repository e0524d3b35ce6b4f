"""What every new account comes with: the activity types and the built-in fields with their options.

Data only. The label "Warm lead" is missing on purpose: a new account does not have it, and making it is the client's
business. Option ids start apart from each other, so that an id of one field is never right in another by luck.
"""

from warmline.sandbox.answers import Json

ACTIVITY_TYPES = ("call", "meeting", "task", "deadline", "email", "lunch")


def field(name: str, code: str, kind: str, options: list[Json] | None = None, *, custom: bool = False) -> Json:
    """Return a field in the shape in which v2 answers it (GET personFields)."""
    return {
        "field_name": name,
        "field_code": code,
        "field_type": kind,
        "options": options,
        "subfields": None,
        "is_custom_field": custom,
        "is_optional_response_field": False,
    }


def _options(first: int, *labels: str) -> list[Json]:
    return [{"id": number, "label": label} for number, label in enumerate(labels, first)]


FIELDS: dict[str, tuple[Json, ...]] = {
    "persons": (
        field("Name", "name", "varchar"),
        field("Email", "email", "varchar"),
        field("Phone", "phone", "phone"),
        field("Labels", "label_ids", "set", _options(11, "Hot lead", "Customer", "Cold lead")),
        field("Organization", "org_id", "org"),
        field("Owner", "owner_id", "user"),
        field("Job title", "job_title", "varchar"),
    ),
    "activities": (
        field("Subject", "subject", "varchar"),
        field("Type", "type", "enum", [{"id": key, "label": key.capitalize()} for key in ACTIVITY_TYPES]),
        field("Due date", "due_date", "date"),
        field("Due time", "due_time", "time"),
        field("Duration", "duration", "time"),
        field("Done", "done", "boolean"),
        field("Free/busy", "busy", "boolean"),
        field("Note", "note", "text"),
        field("Public description", "public_description", "text"),
        field("Location", "location", "address"),
        field("Person", "person_id", "people"),
        field("Organization", "org_id", "org"),
        field("Owner", "owner_id", "user"),
    ),
    "organizations": (
        field("Name", "name", "varchar"),
        field("Address", "address", "address"),
        field("Labels", "label_ids", "set", _options(21, "Customer", "Partner")),
        field(
            "Industry",
            "industry",
            "enum",
            _options(31, "Consulting", "Education", "Healthcare", "Manufacturing", "Retail", "Software"),
        ),
        field("Website", "website", "varchar"),
        field("Owner", "owner_id", "user"),
    ),
}
