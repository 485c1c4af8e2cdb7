"""Statements that run for every letter: compiled once, and run as the driver takes them.

SQLAlchemy's own execution gives the same result and spends more time on a row than the database does.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, CursorResult, Dialect, FromClause, Insert, Update, insert


class Prepared:
    """An UPDATE with named parameters, or an INSERT of the columns named."""

    def __init__(self, statement: Insert | Update, columns: Sequence[str] = ()) -> None:
        self._statement, self._columns = statement, list(columns) or None
        self._made: dict[str, _Made] = {}

    def run(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> CursorResult[Any]:
        """Once for each row, in the connection's transaction."""
        dialect = connection.dialect
        made = self._made.get(dialect.name) or self._made.setdefault(dialect.name, self._make(dialect))
        return connection.exec_driver_sql(made.text, made.parameters(rows))

    def _make(self, dialect: Dialect) -> "_Made":
        return _Made(self._statement.compile(dialect=dialect, column_keys=self._columns), dialect)


@lru_cache(64)
def insertion(table: FromClause, columns: tuple[str, ...]) -> Prepared:
    """The INSERT of these columns."""
    return Prepared(insert(table), columns)  # type: ignore[arg-type]


class _Made:
    """The statement as one kind of database takes it."""

    def __init__(self, compiled: Any, dialect: Dialect) -> None:
        self.text = str(compiled)
        self._fixed: Mapping[str, Any] = compiled.params
        self._names: Sequence[str] = compiled.positiontup if compiled.positional else ()
        self._positional: bool = compiled.positional
        self._processors: dict[str, Callable[[Any], Any]] = {
            name: process
            for bind, name in compiled.bind_names.items()
            if (process := bind.type.dialect_impl(dialect).bind_processor(dialect)) is not None
        }

    def parameters(self, rows: Sequence[Mapping[str, Any]]) -> Any:
        """The rows in the driver's shape; one alone as one."""
        full = [self._processed({**self._fixed, **row}) for row in rows]
        shaped = [self._in_order(row) for row in full] if self._positional else full
        return shaped if len(shaped) > 1 else shaped[0]

    def _processed(self, row: dict[str, Any]) -> dict[str, Any]:
        for name, process in self._processors.items():
            row[name] = process(row[name])
        return row

    @cached_property
    def _in_order(self) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
        return itemgetter(*self._names)
