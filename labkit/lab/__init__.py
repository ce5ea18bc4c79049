"""What a learner holds: ``Lab`` and ``AsyncLab``, calls, queues, bins."""
