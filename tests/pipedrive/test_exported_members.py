"""The public surface: others code against these names."""

import warmline.pipedrive


def test_the_exported_names_are_these_and_exist() -> None:
    """What the package offers changes only on purpose."""
    assert warmline.pipedrive.__all__ == [
        "Activity",
        "ActivityChanges",
        "ActivityType",
        "Address",
        "Blocked",
        "BudgetSpent",
        "Clock",
        "Email",
        "Field",
        "FoundOrganization",
        "FoundPerson",
        "Limiter",
        "NewActivity",
        "NewOrganization",
        "NewPerson",
        "NotFound",
        "Option",
        "Organization",
        "OrganizationChanges",
        "Person",
        "PersonChanges",
        "Phone",
        "Pipedrive",
        "PipedriveError",
        "Rejected",
        "SystemClock",
        "Throttled",
        "Unauthorized",
        "Unavailable",
        "Uncertain",
        "User",
        "Window",
    ]
    assert all(hasattr(warmline.pipedrive, name) for name in warmline.pipedrive.__all__)
