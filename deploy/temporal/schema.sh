#!/bin/sh
# Brings Temporal's two schemas up to its version. Repeating it does nothing. SQL_PASSWORD is read by the tool.
set -eu
: "${SQL_PASSWORD:?}"
for database in temporal temporal_visibility; do
    folder=$([ "$database" = temporal ] && echo temporal || echo visibility)
    tool="temporal-sql-tool --plugin postgres12 --ep postgres --port 5432 --user temporal --db $database"
    $tool setup-schema -v 0.0
    $tool update-schema -d "/etc/temporal/schema/postgresql/v12/$folder/versioned"
done
