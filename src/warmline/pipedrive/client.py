"""Pipedrive's API as methods: one per call that is needed, typed records in and out.

It uses API v2 wherever that has the call, and v1 only for users, activity types and one fallback. No method retries,
and none looks before it creates: only the caller knows what is safe to repeat.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from warmline.pipedrive import error_responses
from warmline.pipedrive.calls import PAGE_SIZE
from warmline.pipedrive.error_responses import Call
from warmline.pipedrive.errors import Rejected
from warmline.pipedrive.http_session import Query
from warmline.pipedrive.lists import Page, Unreadable
from warmline.pipedrive.records import (
    Activity,
    ActivityChanges,
    ActivityType,
    Field,
    FieldV1,
    FoundOrganization,
    FoundPerson,
    NewActivity,
    NewOrganization,
    NewPerson,
    Option,
    Organization,
    OrganizationChanges,
    Person,
    PersonChanges,
    User,
)
from warmline.pipedrive.webhook_calls import WebhookCalls

# Published prices in tokens. Fields in v1 cost as much as any other v1 list or update.
GET_ONE, DELETE, WRITE, LIST, SEARCH = 1, 3, 5, 10, 20
GET_ONE_V1, WRITE_V1, LIST_V1 = 2, 10, 20

MOST_IDS = 100  # ids that a list takes; the price is that of any page
LABEL_FIELD = "label_ids"
LABEL_FIELDS_V1 = (LABEL_FIELD, "label")


class Pipedrive(WebhookCalls):
    """One Pipedrive company, as one of its users sees it. Safe to share between threads.

    Every method that calls Pipedrive raises the errors of `warmline.pipedrive.errors` and no others: those that
    read never raise Uncertain, those that create or update may.

    Use it as a context manager, or `close` it.
    """

    def server_time(self) -> datetime:
        """Return the time by Pipedrive's clock; calls `me` if there has been no response yet.

        Between responses it is advanced by our monotonic clock, so setting this machine's clock does not change it.

        Returns:
            Aware, in UTC. Never ahead of Pipedrive's clock, so it can safely be used as `updated_since`.
        """
        with self._session.learning_time:  # one thread asks, and the others wait for the response
            if self._session.server_time() is None:
                self.for_people().me()
        return self._session.server_time() or self._clock.now()

    def me(self) -> User:
        """Return the token's own user, with the company's id, name and domain."""
        me = self._one(Call("GET", "/api/v1/users/me", GET_ONE_V1), User)
        self._own[:] = [me]
        return me

    def own_user(self) -> User:
        """Return the token's own user as last returned; asks only the first time. A token never changes its user."""
        return self._own[0] if self._own else self.me()

    def users(self) -> list[User]:
        """Return all users of the company, inactive ones included."""
        return self._list(Call("GET", "/api/v1/users", LIST_V1), User)

    def activity_types(self) -> list[ActivityType]:
        """Return all activity types, inactive ones included."""
        return self._list(Call("GET", "/api/v1/activityTypes", LIST_V1), ActivityType)

    def person(self, person_id: int) -> Person:
        """Return one person, who may be marked as deleted.

        Raises:
            NotFound: There is no such person (any more).
        """
        return self._one(Call("GET", f"/api/v2/persons/{person_id}", GET_ONE), Person)

    def persons(
        self, *, updated_since: datetime | None = None, unreadable: list[Unreadable] | None = None
    ) -> list[Person]:
        """Return all persons.

        Args:
            updated_since: Only those changed at this time or later (whole seconds); aware.
            unreadable: A list to which those that cannot be read are added; None if that is to be an error.
        """
        return self._pages(Call("GET", "/api/v2/persons", LIST), Person, changed_since(updated_since), unreadable)

    def persons_page(self, cursor: str | None, only: Query | None = None) -> Page[Person]:
        """Return one page of all persons, for callers that have to be able to continue another day.

        Args:
            cursor: The `next_cursor` of the previous page; None for the first one.
            only: Which persons, from `changed_since` or `with_ids`; None for all.
        """
        return self._page(Call("GET", "/api/v2/persons", LIST), Person, cursor, only)

    def search_persons(self, term: str, *, field: str = "email") -> list[FoundPerson]:
        """Return the persons that a search finds for an e-mail address, whatever its case.

        Args:
            term: The whole address, or the whole value of another field.
            field: Where to look: `email`, or `custom_fields` for all of those.

        Returns:
            What the search knows. Pipedrive does not promise how soon it finds a new person, so an empty list does
            not prove that there is none.
        """
        call = Call("GET", "/api/v2/persons/search", SEARCH, search=True)
        return self._search(call, FoundPerson, {"term": term, "fields": field})

    def create_person(self, new: NewPerson) -> Person:
        """Create a person and return it."""
        return self._one(Call("POST", "/api/v2/persons", WRITE), Person, new.body())

    def update_person(self, person_id: int, changes: PersonChanges) -> Person:
        """Change the fields that are set and return the person as it is now.

        Raises:
            NotFound: There is no such person (any more).
        """
        return self._one(Call("PATCH", f"/api/v2/persons/{person_id}", WRITE), Person, changes.body())

    def organization(self, organization_id: int) -> Organization:
        """Return one organization, which may be marked as deleted.

        Raises:
            NotFound: There is no such organization (any more).
        """
        return self._one(Call("GET", f"/api/v2/organizations/{organization_id}", GET_ONE), Organization)

    def organizations(
        self, *, updated_since: datetime | None = None, unreadable: list[Unreadable] | None = None
    ) -> list[Organization]:
        """Return all organizations.

        Args:
            updated_since: As in `persons`.
            unreadable: As in `persons`.
        """
        call = Call("GET", "/api/v2/organizations", LIST)
        return self._pages(call, Organization, changed_since(updated_since), unreadable)

    def search_organizations(self, term: str, *, field: str = "name") -> list[FoundOrganization]:
        """Return the organizations that a search finds for a name, whatever its case.

        Args:
            term: The whole name, or the whole value of another field.
            field: Where to look: `name`, or `custom_fields` for all of those.

        Returns:
            As in `search_persons`: an empty list does not prove that there is none.
        """
        call = Call("GET", "/api/v2/organizations/search", SEARCH, search=True)
        return self._search(call, FoundOrganization, {"term": term, "fields": field})

    def organizations_page(self, cursor: str | None, only: Query | None = None) -> Page[Organization]:
        """Return one page of all organizations; see `persons_page`."""
        return self._page(Call("GET", "/api/v2/organizations", LIST), Organization, cursor, only)

    def create_organization(self, new: NewOrganization) -> Organization:
        """Create an organization and return it."""
        return self._one(Call("POST", "/api/v2/organizations", WRITE), Organization, new.body())

    def update_organization(self, organization_id: int, changes: OrganizationChanges) -> Organization:
        """Change the fields that are set and return the organization as it is now.

        Raises:
            NotFound: There is no such organization (any more).
        """
        call = Call("PATCH", f"/api/v2/organizations/{organization_id}", WRITE)
        return self._one(call, Organization, changes.body())

    def activity(self, activity_id: int) -> Activity:
        """Return one activity, which may be marked as deleted.

        Raises:
            NotFound: There is no such activity (any more).
        """
        return self._one(Call("GET", f"/api/v2/activities/{activity_id}", GET_ONE), Activity)

    def activities(
        self,
        *,
        person_id: int | None = None,
        updated_since: datetime | None = None,
        unreadable: list[Unreadable] | None = None,
    ) -> list[Activity]:
        """Return all activities.

        Args:
            person_id: Only those that have this person as their primary participant.
            updated_since: As in `persons`.
            unreadable: As in `persons`.
        """
        params = changed_since(updated_since)
        if person_id is not None:
            params["person_id"] = person_id
        return self._pages(Call("GET", "/api/v2/activities", LIST), Activity, params, unreadable)

    def activities_page(self, cursor: str | None, only: Query | None = None) -> Page[Activity]:
        """Return one page of all activities; see `persons_page`."""
        return self._page(Call("GET", "/api/v2/activities", LIST), Activity, cursor, only)

    def create_activity(self, new: NewActivity) -> Activity:
        """Create an activity and return it."""
        return self._one(Call("POST", "/api/v2/activities", WRITE), Activity, new.body())

    def update_activity(self, activity_id: int, changes: ActivityChanges) -> Activity:
        """Change the fields that are set and return the activity as it is now.

        Raises:
            NotFound: There is no such activity (any more).
        """
        return self._one(Call("PATCH", f"/api/v2/activities/{activity_id}", WRITE), Activity, changes.body())

    def delete_activity(self, activity_id: int) -> None:
        """Delete an activity; people can restore it in Pipedrive for 30 days.

        Raises:
            NotFound: There is no such activity (any more).
        """
        self._ask(Call("DELETE", f"/api/v2/activities/{activity_id}", DELETE))

    def person_fields(self) -> list[Field]:
        """Return all fields of persons, with their options."""
        return self._fields(Call("GET", "/api/v2/personFields", LIST), Field)

    def organization_fields(self) -> list[Field]:
        """Return all fields of organizations, with their options."""
        return self._fields(Call("GET", "/api/v2/organizationFields", LIST), Field)

    def create_person_field(self, name: str, field_type: str) -> Field:
        """Create a custom field of persons; see `create_organization_field`."""
        call = Call("POST", "/api/v2/personFields", WRITE)
        return self._one(call, Field, {"field_name": name, "field_type": field_type})

    def create_organization_field(self, name: str, field_type: str) -> Field:
        """Create a custom field of organizations. Creating the same name again makes a second field.

        Args:
            name: What people see.
            field_type: Pipedrive's type, such as `varchar` (255 characters) or `text`.

        Returns:
            The field, with the code that Pipedrive gave it.
        """
        call = Call("POST", "/api/v2/organizationFields", WRITE)
        return self._one(call, Field, {"field_name": name, "field_type": field_type})

    def add_person_label(self, label: str) -> Option:
        """Add an option to the labels of persons.

        Args:
            label: What people see.

        Returns:
            The new option.

        Raises:
            Rejected: Among other reasons, because the account does not accept options for a built-in field through
                this call, which Pipedrive does not document. `add_person_label_v1` is the alternative.
        """
        return self.add_person_option(LABEL_FIELD, label)

    def add_person_option(self, code: str, label: str) -> Option:
        """Add an option to a field of persons; see `add_person_label`.

        Args:
            code: Of the field.
            label: What people see.
        """
        call = Call("POST", f"/api/v2/personFields/{code}/options", WRITE)
        options = self._list(call, Option, [{"label": label}])
        return _labelled(call, options, label)

    def add_person_label_v1(self, label: str) -> Option:
        """Add an option to the labels of persons through v1, which means writing all of them.

        Args:
            label: What people see.

        Returns:
            The new option, or the one that has this label already.

        Raises:
            Rejected: Among other reasons, because there is no label field.
        """
        listing = Call("GET", "/api/v1/personFields", LIST_V1)
        fields = self._list(listing, FieldV1, params={"limit": PAGE_SIZE})
        field = next((field for field in fields if field.key in LABEL_FIELDS_V1), None)
        if field is None:
            raise Rejected("Persons have no label field.", call=str(listing), field=LABEL_FIELD)
        if present := [option for option in field.options if option.label.split() == label.split()]:
            return present[0]
        options = [option.model_dump() for option in field.options]
        call = Call("PUT", f"/api/v1/personFields/{field.id}", WRITE_V1)
        written = self._one(call, FieldV1, {"options": [*options, {"label": label}]})
        return _labelled(call, written.options, label)


def changed_since(moment: datetime | None) -> Query:
    """Return the query for what has changed since; a part of a second is rounded down, to miss nothing."""
    if moment is None:
        return {}
    if moment.tzinfo is None:
        raise ValueError("A time without a zone could be any time.")
    return {"updated_since": moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}


def with_ids(ids: Iterable[int]) -> Query:
    """Return the query for the records with these ids, of which there may be MOST_IDS."""
    return {"ids": ",".join(map(str, ids))}


def _labelled(call: Call, options: list[Option] | tuple[Option, ...], label: str) -> Option:
    """Return the option with this label from the response to its creation."""
    # The newest comes last; somebody else's option with the same label may come before it.
    for option in reversed(options):
        if option.label.split() == label.split():  # a server may have cleaned it
            return option
    raise error_responses.unclear(call, "The answer does not show the new option.")
