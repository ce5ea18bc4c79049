"""The gateway service: OpenFaaS's REST API and the life of functions."""

from labkit_services.runtime.import_on_use import import_nats

import_nats()
