"""The docs site: static pages made from the code and from the checkout's own pages.

What belongs here: turning declarations (model, checks, settings, commands, lineage) and Markdown
into HTML, and writing the folder. What does not: any fact about tables or settings, which stands
where it is declared, and the command line, which hands its grammar in.
"""
