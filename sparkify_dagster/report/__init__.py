"""The report: what the tables say, as one page that needs nothing but a browser.

Questions in SQL (`questions`), their answers (`facts`), what is said of them (`listening`,
`people`, `trust`), drawn (`charts`) and set (`page`), put where it belongs (`writing`). Below the
command line and Dagster, which both make it with `writing.write_report`.
"""
