"""Make the learner's notebooks from their authored source, in Markdown.

``docs/course-authoring.md`` tells how the source is written.
"""
