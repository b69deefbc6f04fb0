#!/bin/sh
# Looks up whether a pinned dependency is known to be vulnerable: both lock files of Python, and any of npm.
# Exit codes: 0 nothing is known, 1 something is, 2 nobody could be asked (offline, a tool is missing): nothing is proven.
# AUDIT_OSV_URL names another database of vulnerabilities than osv.dev, such as a mirror's /v1/query.
# Worse wins: what could not be audited is said even where something else was found.
set -u
python=${1:-python}
worst=0

note() {
    [ "$1" -le "$worst" ] || worst=$1
}

unasked() {
    echo "$1: NOT AUDITED. The database of vulnerabilities could not be asked; are you offline? It said:"
    printf '%s\n' "$2" | grep -i 'error' | tail -n 1 | cut -c 1-300
    note 2
}

for lock in requirements.lock requirements-dev.lock; do
    set -- -m pip_audit --disable-pip --require-hashes --progress-spinner off --vulnerability-service osv
    [ -z "${AUDIT_OSV_URL:-}" ] || set -- "$@" --osv-url "$AUDIT_OSV_URL"
    output=$("$python" "$@" -r "$lock" 2>&1)
    code=$?
    case $output in
    *"No module named pip_audit"*)
        echo "$lock: NOT AUDITED. The package pip-audit is not installed; run make dev-ready."
        note 2
        ;;
    *"No known vulnerabilities found"*) [ $code -eq 0 ] && echo "$lock: nothing is known" || unasked "$lock" "$output" ;;
    *"known vulnerabilit"*)
        echo "$lock:"
        printf '%s\n' "$output" | grep -v '^WARNING:'
        note 1
        ;;
    *) unasked "$lock" "$output" ;;
    esac
done

for lock in $(find . -name package-lock.json -not -path '*/node_modules/*' -not -path './.venv/*' | sort); do
    if ! command -v npm >/dev/null 2>&1; then
        echo "$lock: NOT AUDITED. npm is not installed."
        note 2
        continue
    fi
    output=$(cd "$(dirname "$lock")" && npm audit --package-lock-only --json 2>&1)
    code=$?
    case $output in
    *auditReportVersion*)
        if [ $code -eq 0 ]; then
            echo "$lock: nothing is known"
        else
            echo "$lock: something is known; npm audit in $(dirname "$lock") tells what."
            note 1
        fi
        ;;
    *) unasked "$lock" "$output" ;;
    esac
done
exit $worst
