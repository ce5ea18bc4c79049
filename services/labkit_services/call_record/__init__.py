"""From events to calls: what the event log shows of each. Pure, no I/O."""
