"""I/O to a running lab: gateway, inspector, supervisor, call events."""
