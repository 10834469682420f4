"""The language guard: what can be known, without a cluster, of what Redshift refuses.

Its rules are on tokens (`grammar`, `names`) and on sqlglot's trees (`queries`, `places`), over
AWS's own word lists (`facts`). The double of Redshift refuses what it finds, so every statement
that a test makes the platform send is held against it; `python -m` this package reads statements.
"""

from sparkify_dagster_tests.redshift_language.finding import Finding
from sparkify_dagster_tests.redshift_language.guard import MOST_BYTES, findings, of_statement

__all__ = ["MOST_BYTES", "Finding", "findings", "of_statement"]
