"""The function: called once for each request."""


def handle(event, context):
    """Answer a request: event has body (bytes), headers, method, query and path."""
    name = event.body.decode() or "world"
    return {"statusCode": 200, "body": f"Hello, {name}!\n"}
