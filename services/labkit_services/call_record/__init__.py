"""From events to calls: what the event log says about each call. Pure, no I/O."""
