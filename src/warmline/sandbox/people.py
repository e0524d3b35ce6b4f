"""Changes that people make in Pipedrive's web app while Warmline uses the API.

They are not API calls: no tokens, limits or faults, but the same validation. Each change is one step. Tests and
simulations use this directly, others use the control API.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Literal

from warmline.sandbox import fields, merging, records
from warmline.sandbox.answers import Json, missing
from warmline.sandbox.world import World

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
        with self._step():
            user = min(self._world.users.values(), key=lambda one: (not one.active, one.id))
            return records.create(self._world, records.KINDS[kind], values, user)

    def change(self, kind: KindName, id: int, **values: Any) -> Json:
        """Change the fields given, as PATCH does.

        Returns:
            The record as stored.

        Raises:
            Refused: As its PATCH would be.
        """
        with self._step():
            return records.change(self._world, records.KINDS[kind], id, values)

    def delete(self, kind: KindName, id: int) -> Json:
        """Delete a record.

        Returns:
            Its id.

        Raises:
            Refused: There is no such record.
        """
        with self._step():
            return records.delete(self._world, records.KINDS[kind], id)

    def merge(self, kind: MergedName, loser_id: int, winner_id: int) -> Json:
        """Merge one record into another, which stays.

        Returns:
            The winner as stored.

        Raises:
            Refused: They are not two records that are there.
        """
        with self._step():
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
        with self._step():
            if user_id not in self._world.users:
                raise missing("User")
            self._world.set_user_active(user_id, active=active)
            return {"id": user_id, "active": active}

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
