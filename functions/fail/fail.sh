#!/bin/sh
# What a function prints before it fails is part of the answer.
echo "This function always fails." >&2
exit 3
