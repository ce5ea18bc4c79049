#!/bin/sh
# Fails in the first $failures attempts at a call, then gives its body back. The queue-worker says in
# X-Attempt which attempt this is; it arrives as a variable. Without it, this is the first.
attempt="${Http_X_Attempt:-1}"
if [ "$attempt" -le "${failures:-2}" ]; then
    echo "attempt $attempt fails" >&2
    exit 1
fi
exec cat
