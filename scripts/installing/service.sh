# The service. Part of scripts/install. Needs: $root, $prefix, $usr, $units, $dry, $start, $swapped, say, fail.
# shellcheck shell=sh disable=SC2154

# has_systemd: whether it runs here, and this root is its
has_systemd() {
    [ -z "$root" ] && [ -d /run/systemd/system ]
}

reload_units() {
    has_systemd && [ -z "$dry" ] || return 0
    systemctl daemon-reload
}

stop_service() {
    has_systemd || return 0
    for unit in tasky.socket tasky.service; do
        systemctl cat --quiet "$unit" >/dev/null 2>&1 || continue
        say "stopping and disabling $unit"
        [ "$dry" ] || systemctl --quiet disable --now "$unit"
    done
}

start_service() {
    if ! has_systemd; then
        [ "$root" ] || say "systemd does not run here: start it as the user tasky, by $usr/bin/tasky serve"
        return 0
    fi
    reload_units
    if systemctl --quiet is-active tasky.service; then
        [ -z "$swapped" ] || renew_service
    elif [ "$start" ]; then
        say "enabling and starting tasky.service"
        [ -z "$dry" ] || return 0
        systemctl --quiet enable tasky.service
        # The socket first, where there is one: the service gets it from systemd.
        if [ -f "$units/tasky.socket" ]; then systemctl start tasky.socket; fi
        systemctl start tasky.service
    else
        say "to start it: systemctl enable --now tasky.service"
    fi
}

# renew_service: the new code takes over, with all tasks where the old code can do that
renew_service() {
    if [ "$dry" ]; then
        say "tasky.service goes on with the new code"
    elif [ -f "$root$prefix.old/bin/tasky" ] && old_can_upgrade; then
        say "tasky.service goes on with the new code, and with its tasks"
        "$usr/bin/tasky" upgrade && return
        swap_back
        fail "the new code did not start: the service goes on with the old one, which is back in $prefix"
    else
        say "restarting tasky.service"
        systemctl restart tasky.service
    fi
}

# old_can_upgrade: whether the code that runs knows how to hand over to another
old_can_upgrade() {
    "$root$prefix.old/bin/python" -I -m tasky upgrade --help >/dev/null 2>&1
}
