"""Whether a run is still at work: how it shows that, how that is judged, what is done if not.

Dagster's record of a run says *started* until somebody writes otherwise, and a process that was
killed writes nothing. What belongs here: telling the two apart, and ending the record of a run
whose process is gone. Loading again is the lake sensor's, telling people the alerts'.
"""
