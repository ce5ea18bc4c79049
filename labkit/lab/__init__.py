"""What a learner holds: ``Lab``, its calls, queues, bins and faults."""
