"""The request inspector: bins that capture requests; also call status.

It replaces a public requestbin. Every request to ``/r/NAME`` or ``/NAME`` is
captured byte for byte; it can be viewed on a page, listed as JSON, and waited
for. Only a browser that opens such a URL adds nothing: it gets the bin's page.
Bins and requests are kept in a file, which survives a restart and a kill.

Beside the bins it follows the event log and answers for the status of calls.
"""
