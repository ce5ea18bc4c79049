#!/bin/sh
# The callback's headers arrive as variables, its body on standard input (X-Call-Id is Http_X_Call_Id).
{
    echo "Call ${Http_X_Call_Id:-without id} of ${Http_X_Function_Name:-nobody}:" \
        "status ${Http_X_Function_Status:-unknown} after ${Http_X_Duration_Seconds:-some} seconds"
    cat
} | tee /dev/stderr
