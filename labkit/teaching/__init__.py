"""What a learner does in a notebook: predictions, checks, hints, progress.

``course`` has what each notebook asks; ``words`` has the texts of every
language. ``docs/course-authoring.md`` tells how an exercise is written.
"""
