"""A double of Redshift: a proxy in its own process before a real PostgreSQL.

Production code connects with stock psycopg2, TLS and all; there is no seam in it. The proxy passes
statements on, runs `COPY … FROM 's3://…'` and `UNLOAD … FORMAT AS PARQUET` itself, and refuses what
Redshift refuses.

What it shows: that loads are right when everything is, and when something is not. Rows go in and
out by real transactions (BEGIN gives one snapshot), keys are not enforced, a VARCHAR counts bytes,
TRUNCATE commits, a failed COPY aborts and leaves its errors in the system views, a COPY outside a
transaction goes on when its client is gone, connections break before, during and after any
statement. Trailing blanks do not count where texts are compared, grouped or joined; AVG of integers
is an integer; a cursor gives 1,000 rows at once; SVV_TABLE_INFO is hidden until it is granted, and
the errors of a COPY can be shown late. Keys, distribution and encodings are remembered and altered,
and columns of a key are not dropped. Roles are PostgreSQL's, and what a user SELECTs is masked by
the policies that are attached.

What it cannot show, so that a test that passes proves nothing about it:

- Real IAM, bucket policies, KMS and networks; Serverless cold starts; WLM; concurrency scaling.
- COPY's true parser at its edges: it is strict where the documentation is silent (floats into
  integers, duplicate keys, surrogates, what follows broken JSON), and its words and codes for
  errors are not Redshift's everywhere. Parallel slices may see more errors than MAXERROR.
- Redshift's planner and functions: what PostgreSQL 18 knows passes unless the language guard
  (`redshift_language`) refuses it; what it cannot see is said there. What only
  Redshift knows (LISTAGG, NVL, DATEADD, QUALIFY, SUPER, IDENTITY columns, late-binding
  views, MERGE … REMOVE DUPLICATES, ALTER TABLE APPEND) fails.
- VARCHAR overflow within expressions.
- Masking policies in all but SELECT, through views, and with conditions.
- Its locks: Redshift's writers of one table wait for each other, PostgreSQL's need not. A conflict
  shows as 1023, though not always where Redshift would have one.
- What distribution, sort order and compression do, which it only remembers; VACUUM, speed.
"""

from sparkify_dagster_tests.redshift_double.double import Double, Faults, redshift_double

__all__ = ["Double", "Faults", "redshift_double"]
