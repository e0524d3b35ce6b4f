"""Changes that people make in Pipedrive's web app while Warmline uses the API.

They are not API calls: no tokens, limits or faults, but the same validation. Each change is one step. Tests and
simulations use this directly, others use the control API.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Literal

from warmline.sandbox import accounts, fields, merging, oauth, records, webhooks
from warmline.sandbox.answers import Json, missing
from warmline.sandbox.world import User, World

KindName = Literal["persons", "organizations", "activities"]
MergedName = Literal["persons", "organizations"]


class People:
    """What can be done by hand.

    Args:
        world: Where.
        step: Gives a moment alone with the world.
    """

    def __init__(self, world: World, step: Callable[[], AbstractContextManager[None]]) -> None:
        self._world = world
        self._step = step

    @contextmanager
    def _deed(self, *, is_bulk_edit: bool = False) -> Iterator[None]:
        """Hold the lock for a colleague's deed."""
        with self._step(), self._world.acting(self._colleague().id, "app", is_bulk_edit=is_bulk_edit):
            yield

    def _colleague(self) -> User:
        """Return who does it: the first user who is active."""
        return min(self._world.users.values(), key=lambda one: (not one.active, one.id))

    def add(self, kind: KindName, **values: Any) -> Json:
        """Make a record.

        Args:
            kind: Of which kind.
            **values: As for the kind's POST. Who does it (the first user who is active) owns it, unless told otherwise.

        Returns:
            The record as stored.

        Raises:
            Refused: As its POST would be.
        """
        with self._deed():
            return records.create(self._world, records.KINDS[kind], values, self._colleague())

    def change(self, kind: KindName, id: int, **values: Any) -> Json:
        """Change the fields given, as PATCH does.

        Returns:
            The record as stored.

        Raises:
            Refused: As its PATCH would be.
        """
        with self._deed():
            return records.change(self._world, records.KINDS[kind], id, values)

    def bulk_change(self, kind: KindName, ids: list[int], **values: Any) -> Json:
        """Change the same fields of many records at once, as a bulk edit does.

        Returns:
            How many were changed; those that are not there are left out.

        Raises:
            Refused: As its PATCH would be.
        """
        with self._deed(is_bulk_edit=True):
            there = [one for one in ids if self._world.alive(kind, one)]
            for one in there:
                records.change(self._world, records.KINDS[kind], one, values)
            return {"changed": len(there)}

    def delete(self, kind: KindName, id: int) -> Json:
        """Delete a record.

        Returns:
            Its id.

        Raises:
            Refused: There is no such record.
        """
        with self._deed():
            return records.delete(self._world, records.KINDS[kind], id)

    def merge(self, kind: MergedName, loser_id: int, winner_id: int) -> Json:
        """Merge one record into another, which stays.

        Returns:
            The winner as stored.

        Raises:
            Refused: They are not two records that are there.
        """
        with self._deed():
            return merging.merge(self._world, kind, loser_id, winner_id)

    def rename_label(self, old: str, new: str, *, kind: MergedName = "persons") -> Json:
        """Give a label another name; the records that carry it go on carrying it.

        Returns:
            The option of the label field. Of two labels with one name, the first is meant.

        Raises:
            Refused: There is no such label.
        """
        with self._step():
            for option in fields.one(self._world, kind, fields.LABELS)["options"]:
                if option["label"] == old:
                    option["label"] = new
                    return dict(option)
            raise missing("Label")

    def set_user_active(self, user_id: int, *, active: bool) -> Json:
        """Let a user in, or shut them out.

        Raises:
            Refused: There is no such user.
        """
        with self._deed():
            accounts.change(self._world, user_id, active=active)
            return {"id": user_id, "active": active}

    def rename_user(self, user_id: int, name: str) -> Json:
        """Give a user another name.

        Raises:
            Refused: There is no such user.
        """
        with self._deed():
            return accounts.change(self._world, user_id, name=name)

    def uninstall_app(self, user_id: int) -> Json:
        """Uninstall the app that a user let in by OAuth; its callback is told.

        Raises:
            Refused: The user has let no app in.
        """
        with self._deed():
            for grant in self._world.grants:
                if grant.user_id == user_id:
                    oauth.uninstall(self._world, grant, is_told=True)
                    return {"id": user_id}
            raise missing("App")

    def ban_webhook(self, id: int) -> Json:
        """Ban a webhook for half an hour, as ten failed first attempts do. What happens meanwhile is lost.

        Raises:
            Refused: There is no such webhook.
        """
        with self._step():
            webhooks.ban(self._world, id)
            return {"id": id}

    def remove_webhook(self, id: int) -> Json:
        """Remove a webhook, as Pipedrive does after three days without a success.

        Raises:
            Refused: There is no such webhook.
        """
        with self._step():
            if self._world.webhooks.pop(id, None) is None:
                raise missing("Webhook")
            return {"id": id}

    def set_activity_type_active(self, key: str, *, active: bool) -> Json:
        """Switch an activity type on or off by its key, e.g. "lunch".

        Raises:
            Refused: There is no such type.
        """
        with self._step():
            if key not in [one["key_string"] for one in self._world.activity_types]:
                raise missing("Activity type")
            self._world.set_activity_type_active(key, active=active)
            return {"key": key, "active": active}
