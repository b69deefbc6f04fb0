#!/bin/sh
# Makes the secrets of a new installation: `.env` for Docker Compose itself, `gateway.env` for the gateway.
# Run it once, in the folder of docker-compose.yml; it never overwrites what is there.
set -eu
umask 077
for file in .env gateway.env; do
    if [ -e "$file" ]; then
        echo "$file is there already; nothing was changed" >&2
        exit 1
    fi
done
word() { head -c 32 /dev/urandom | od -A n -t x1 | tr -d ' \n'; }
key() { head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n'; }
cat >.env <<END
# Secrets of the databases, read by Docker Compose alone.
POSTGRES_PASSWORD=$(word)
GATEWAY_DB_PASSWORD=$(word)
TEMPORAL_DB_PASSWORD=$(word)
END
cat >gateway.env <<END
# Settings of the gateway: docs/reference/settings.md has them all. Keep a copy of the keys apart from this machine.
THREEWAY_ADMIN_KEY=$(word)
# Of the first person, admin, who may sign in at the dashboard.
THREEWAY_ADMIN_PASSWORD=$(word)
THREEWAY_SECRET_KEY=$(key)
THREEWAY_PAYLOAD_KEYS=$(key)
END
echo "made .env and gateway.env"
