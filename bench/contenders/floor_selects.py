"""The floor of a rebuild: the SELECTs of star and marts over what the floor has staged."""

from __future__ import annotations

from bench.contenders import sql
from bench.contenders.clock import Clock
from bench.contenders.floor import connect, make_marts, make_star
from bench.contenders.lake import STAR, arguments


def main() -> None:
    """Makes them anew in the warehouse that was loaded before."""
    _, out = arguments()
    clock = Clock()
    connection = connect(out)
    for name in (*STAR, *sql.MARTS):
        connection.execute(f'DROP TABLE IF EXISTS sparkify."{name}"')
    make_star(connection, clock)
    make_marts(connection, clock)
    connection.close()
    clock.tell()


if __name__ == "__main__":
    main()
