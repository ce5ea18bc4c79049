#!/bin/sh
# Fails in the first $failures attempts at a call, then echoes its body. The queue-worker's header
# X-Attempt, here a variable, is the number of the attempt. Without it, this is the first.
attempt="${Http_X_Attempt:-1}"
if [ "$attempt" -le "${failures:-2}" ]; then
    echo "attempt $attempt fails" >&2
    exit 1
fi
exec cat
