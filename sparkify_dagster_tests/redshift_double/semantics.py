"""Where Redshift computes otherwise than PostgreSQL: how texts compare, and the mean of integers.

What belongs here: the changes to PostgreSQL's own catalogue that make it compute so. Whatever is
refused is `refusals`' business.
"""

from __future__ import annotations

# A text compares, sorts and hashes as CHAR(n) does, whose trailing blanks do not count; what it
# holds stays as it is, so LENGTH, || and LIKE see them, as in Redshift. Both types look the same in
# memory. Joins, DISTINCT, GROUP BY, IN and windows all go by these operators and functions.
_TEXTS = """
UPDATE pg_operator AS o SET oprcode = b.oprcode FROM pg_operator AS b
WHERE o.oprleft = 'text'::regtype AND o.oprright = 'text'::regtype AND b.oprname = o.oprname
    AND b.oprleft = 'bpchar'::regtype AND b.oprright = 'bpchar'::regtype
    AND o.oprname IN ('=', '<>', '<', '<=', '>', '>=');
UPDATE pg_amproc AS t SET amproc = b.amproc
FROM pg_amproc AS b, pg_opfamily AS ft, pg_opfamily AS fb
WHERE ft.oid = t.amprocfamily AND fb.oid = b.amprocfamily AND ft.opfmethod = fb.opfmethod
    AND ft.opfname = 'text_ops' AND fb.opfname = 'bpchar_ops' AND t.amprocnum = b.amprocnum
    AND t.amproclefttype = 'text'::regtype AND t.amprocrighttype = 'text'::regtype;
UPDATE pg_aggregate SET aggtransfn = 'bpchar_larger' WHERE aggtransfn = 'text_larger'::regproc;
UPDATE pg_aggregate SET aggtransfn = 'bpchar_smaller' WHERE aggtransfn = 'text_smaller'::regproc;
"""

# The mean of integers is an integer: what is behind the point is cut off.
_MEANS = """
CREATE FUNCTION double_sum(bigint[], bigint) RETURNS bigint[] LANGUAGE sql IMMUTABLE STRICT
AS 'SELECT ARRAY[$1[1] + 1, $1[2] + $2]';
CREATE FUNCTION double_mean(bigint[]) RETURNS bigint LANGUAGE sql IMMUTABLE
AS 'SELECT $1[2] / NULLIF($1[1], 0)';
UPDATE pg_aggregate SET
    aggfinalfn = 'double_mean', aggmfinalfn = 'double_mean'
WHERE aggfnoid IN ('avg(smallint)'::regprocedure, 'avg(integer)'::regprocedure);
UPDATE pg_aggregate SET
    aggtransfn = 'double_sum', aggtranstype = 'bigint[]'::regtype, agginitval = '{0,0}',
    aggfinalfn = 'double_mean', aggtransspace = 0,
    aggcombinefn = 0, aggserialfn = 0, aggdeserialfn = 0,
    aggmtransfn = 0, aggminvtransfn = 0, aggmfinalfn = 0, aggmtranstype = 0, aggmtransspace = 0
WHERE aggfnoid = 'avg(bigint)'::regprocedure;
UPDATE pg_proc SET prorettype = 'bigint'::regtype
WHERE oid IN (SELECT aggfnoid FROM pg_aggregate WHERE aggfinalfn = 'double_mean'::regproc);
"""

SEMANTICS = _TEXTS + _MEANS
