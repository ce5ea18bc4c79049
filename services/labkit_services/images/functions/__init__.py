"""Programs of well-known images: OpenFaaS's store functions in Python."""
