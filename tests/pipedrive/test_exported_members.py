"""The public surface: others code against these names."""

import warmline.pipedrive


def test_the_exported_names_are_these_and_exist() -> None:
    """What the package offers changes only on purpose."""
    assert warmline.pipedrive.__all__ == [
        "PLANS",
        "SEARCH",
        "UNKNOWN",
        "Activity",
        "ActivityChanges",
        "ActivityType",
        "Address",
        "Blocked",
        "BudgetSpent",
        "Clock",
        "Email",
        "Field",
        "FileLedger",
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
        "Page",
        "Person",
        "PersonChanges",
        "Phone",
        "Pipedrive",
        "PipedriveError",
        "Plan",
        "Rejected",
        "SystemClock",
        "Throttled",
        "Unauthorized",
        "Unavailable",
        "Uncertain",
        "Unreadable",
        "Usage",
        "User",
        "Window",
        "can_be_address",
        "can_be_token",
    ]
    assert all(hasattr(warmline.pipedrive, name) for name in warmline.pipedrive.__all__)
