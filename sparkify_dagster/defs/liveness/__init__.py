"""Whether a run is still at work: how it shows that, and how that is judged.

Dagster's record of a run says *started* until somebody writes otherwise, and a process that was
killed writes nothing. What belongs here: telling the two apart. Ending the record of a run whose
process is gone is `lost_runs`'.
"""
