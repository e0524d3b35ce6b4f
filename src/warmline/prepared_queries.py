"""Queries that are composed once and executed often: what an engine asks every second, for example.

Django composes a query anew each time, which takes longer than SQLite takes to answer a small one. Here a queryset is
composed at its first use, and afterwards only its parameters change. Ask for single columns, or whether something
exists, not for whole rows of a model. What is asked only now and then is better asked through Django.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import compress
from typing import Any, Generic, TypeVar

from django.db import connection
from django.db.models import Expression, Field, QuerySet
from django.db.models.sql.compiler import SQLCompiler

Key = TypeVar("Key")
Build = Callable[[], QuerySet[Any, Any]]
Statement = tuple[str, tuple[Any, ...]]  # with its parameters


class Parameter(Expression):
    """What is not known yet when a query is composed.

    Args:
        name: Its name among the values with which the query is executed.
        field: Of which kind it is: an instance of one of Django's fields.
    """

    def __init__(self, name: str, field: "Field[Any, Any]") -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, tuple[Any, ...]]:  # noqa: ARG002 (Django's signature)
        """Return a placeholder, and this as what stands for its value."""
        return "%s", (self,)

    def adapted(self, values: Mapping[str, Any]) -> Any:
        """Return the value as the database takes it."""
        return self.output_field.get_db_prep_value(values[self.name], connection)


class PreparedQuery:
    """One query.

    Args:
        build: Returns its queryset, of `values` or `values_list`, with a `Parameter` for each value that changes.
    """

    def __init__(self, build: Build) -> None:
        self._build = build

    @cached_property
    def _composed(self) -> tuple[SQLCompiler, Statement]:
        compiler = self._build().query.get_compiler(connection=connection)
        return compiler, compiler.as_sql()

    def rows(self, **values: object) -> list[tuple[Any, ...]]:
        """Execute it, and return its rows.

        Args:
            values: The parameters, by their names.
        """
        compiler, statement = self._composed
        found: list[Sequence[Any]] = list(_rows(statement, values))
        return list(map(tuple, compiler.results_iter([found])))

    def named_rows(self, **values: object) -> list[dict[str, Any]]:
        """Execute it, and return its rows with the names of their columns; see `rows`."""
        names = self._composed[0].query.selected or {}
        return [dict(zip(names, row, strict=True)) for row in self.rows(**values)]


class PreparedExistence(Generic[Key]):
    """Tells in one statement which of several querysets have any rows.

    Args:
        builds: Return the querysets, each by a key of its own.
    """

    def __init__(self, builds: Mapping[Key, Build]) -> None:
        self._builds = builds

    @cached_property
    def _statement(self) -> Statement:
        found = [build().query.exists().sql_with_params() for build in self._builds.values()]
        sql = ", ".join(f"EXISTS({statement})" for statement, _ in found)
        return f"SELECT {sql}", tuple(value for _, parameters in found for value in parameters)

    def found(self, **values: object) -> set[Key]:
        """Return the keys of the querysets that have rows.

        Args:
            values: The parameters, by their names.
        """
        (row,) = _rows(self._statement, values)
        return set(compress(self._builds, row))


def _rows(statement: Statement, values: Mapping[str, object]) -> list[tuple[Any, ...]]:
    sql, parameters = statement
    with connection.cursor() as cursor:
        cursor.execute(sql, [each.adapted(values) if isinstance(each, Parameter) else each for each in parameters])
        return list(cursor.fetchall())
