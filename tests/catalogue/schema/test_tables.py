"""The tables of the models, as `init-db` creates them: what a load expects of each."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from metrics.catalogue import schema
from metrics.catalogue.core.models import MODELS, Model
from metrics.catalogue.load.loads import Connection
from metrics.postgres.connect import connect

pytestmark = pytest.mark.database

COLUMNS = """
    SELECT attname, typname FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid
    WHERE attrelid = quote_ident(%s)::regclass AND attnum > 0 ORDER BY attnum
"""
INDEXES = """
    SELECT indisunique, pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = quote_ident(%s)::regclass
"""
TRIGGERS = "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = quote_ident(%s)::regclass"


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """Give a connection to a database with the tables."""
    with closing(connect(database_url)) as connected:
        schema.init(connected)
        yield connected


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_the_table_of_a_model_has_its_columns_its_key_and_its_history(connection: Connection, model: Model) -> None:
    of_loads = [("first_load", "int8"), ("last_load", "int8"), ("gone_at", "timestamptz")]
    assert connection.execute(COLUMNS, (model.name,)).fetchall() == [*model.columns, *of_loads]

    key = ", ".join(f"lower({name})" if kind == "text" else name for name, kind in model.key_columns)
    indexes = connection.execute(INDEXES, (model.name,)).fetchall()
    assert [text.partition(" USING btree ")[2] for is_unique, text in indexes if is_unique] == [f"({key})"]
    assert [text.partition(" USING btree ")[2] for is_unique, text in indexes if not is_unique] == [
        "(gone_at) WHERE (gone_at IS NOT NULL)"
    ]

    [[trigger]] = connection.execute(TRIGGERS, (model.name,)).fetchall()
    assert trigger.endswith("FOR EACH ROW EXECUTE FUNCTION catalogue_keep_history()")
