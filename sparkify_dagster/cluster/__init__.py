"""Making what the platform has in an AWS account, from nothing to a `dwh.cfg`.

`sparkify.yaml` is the truth (CloudFormation); this package hands it over by change sets, waits, and
does the little that CloudFormation has no kind for. What belongs here: what would be made and what
it costs, what to do in which state of a stack, asking AWS. What does not: what is printed (`cli`),
the lake's objects and the warehouse's tables, which it never touches.
"""
