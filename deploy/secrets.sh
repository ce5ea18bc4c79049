#!/bin/sh
# Make the secrets of compose.yaml, once: deploy/.env and deploy/secrets/.
set -eu
cd -- "$(dirname -- "$0")"
if [ -e .env ]; then
    echo "deploy/.env is there; remove it to get new secrets" >&2
    exit 0
fi
random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

umask 077
mkdir -p secrets
printf admin >secrets/basic-auth-user
random >secrets/basic-auth-password
# The folder is closed; the containers' user has to read the files, which are mounted one by one.
chmod 644 secrets/*
# nats-server reads a value that begins with a digit as a number.
printf 'NATS_TOKEN=t%s\nINSPECTOR_TOKEN=t%s\n' "$(random)" "$(random)" >.env
echo "written: deploy/.env, deploy/secrets/" >&2
