#!/bin/sh
# Runs once, when the database's volume is empty: a role for each tenant of the server, each with databases of its own.
set -eu
: "${GATEWAY_DB_PASSWORD:?}" "${TEMPORAL_DB_PASSWORD:?}"
psql --no-psqlrc --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    --set=gateway="$GATEWAY_DB_PASSWORD" --set=temporal="$TEMPORAL_DB_PASSWORD" <<'SQL'
CREATE ROLE threeway LOGIN PASSWORD :'gateway';
CREATE ROLE temporal LOGIN PASSWORD :'temporal';
CREATE DATABASE threeway OWNER threeway;
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
REVOKE ALL ON DATABASE threeway, temporal, temporal_visibility FROM PUBLIC;
SQL
