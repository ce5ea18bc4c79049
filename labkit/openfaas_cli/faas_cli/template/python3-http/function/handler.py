"""The function, which is called once for each request."""


def handle(event, context):
    """Handle an event with body (bytes), headers, method, query and path."""
    name = event.body.decode() or "world"
    return {"statusCode": 200, "body": f"Hello, {name}!\n"}
