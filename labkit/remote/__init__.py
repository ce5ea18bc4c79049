"""An OpenFaaS that is not the lab's: its API alone, and the callbacks."""
