"""The floor of a new day: its rows go into a warehouse that the floor has made, by hand.

Replaces the day in staging, adds its plays and moments, and takes the people it shows anew. Makes
no marts, and trusts that no play of the day was delivered before another day's end.
"""

from __future__ import annotations

from bench.contenders import sql
from bench.contenders.clock import Clock
from bench.contenders.floor import connect, events_of
from bench.contenders.lake import arguments, day_of, files

EVENTS = "sparkify.staging_events_table"
PLAYS = """CREATE TEMP TABLE new_plays AS
SELECT n.* FROM ({made}) AS n
ANTI JOIN sparkify.songplay AS p USING (user_id, session_id, item_in_session)"""
TIMES = """INSERT INTO sparkify."time"
SELECT n.* FROM ({made}) AS n ANTI JOIN sparkify."time" AS t USING (start_time)"""
PEOPLE = "(SELECT e.* FROM {events} AS e SEMI JOIN a_day AS d USING (user_id))"


def main() -> None:
    """Loads the days of the lake that the warehouse does not hold yet."""
    lake, out = arguments()
    clock = Clock()
    connection = connect(out)
    (last,) = connection.execute(f"SELECT CAST(MAX(log_date) AS VARCHAR) FROM {EVENTS}").fetchone()
    new = [path for path in files(lake / "log_data") if day_of(path) > last]
    connection.execute("BEGIN")
    with clock.step("events"):
        connection.execute(f"CREATE TEMP TABLE a_day AS {events_of(new)}")
        days = sorted({day_of(path) for path in new})
        connection.execute(f"DELETE FROM {EVENTS} WHERE log_date = ANY(?::DATE[])", [days])
        connection.execute(f"INSERT INTO {EVENTS} SELECT * FROM a_day")
    of_day = sql.relations() | {"staging_events_table": "a_day"}
    with clock.step("songplay"):
        made = sql.select("songplay", of_day)
        connection.execute(PLAYS.format(made=made))
        connection.execute("INSERT INTO sparkify.songplay SELECT * FROM new_plays")
    with clock.step("time"):
        connection.execute(TIMES.format(made=sql.select("time", {"songplay": "new_plays"})))
    with clock.step("user"):
        touched = {"staging_events_table": PEOPLE.format(events=EVENTS)}
        connection.execute(f"CREATE TEMP TABLE people AS {sql.select('user', touched)}")
        connection.execute(
            'DELETE FROM sparkify."user" WHERE user_id IN (SELECT p.user_id FROM people AS p)'
        )
        connection.execute('INSERT INTO sparkify."user" SELECT * FROM people')
    connection.execute("COMMIT")
    connection.close()
    clock.tell()


if __name__ == "__main__":
    main()
