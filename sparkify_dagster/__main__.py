"""`python -m sparkify_dagster`: the same as the `sparkify` command."""

from sparkify_dagster.cli import main

if __name__ == "__main__":
    main()
