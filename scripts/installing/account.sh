# The user, its state directory and the first token. Part of scripts/install, and of the Debian package's scripts.
# Needs: $root (empty: this machine), $python (of the installed environment), $dry, say.
# A root that is no system, having no etc/passwd, gets neither.
# shellcheck shell=sh disable=SC2154

state=/var/lib/tasky

# has_accounts: whether there are users in the root at all
has_accounts() {
    [ -z "$root" ] || [ -f "$root/etc/passwd" ]
}

# ids_of_tasky: "UID GID" of the user, or nothing
ids_of_tasky() {
    if [ "$root" ]; then
        awk -F: '$1 == "tasky" { print $3, $4; exit }' "$root/etc/passwd"
    else
        getent passwd tasky | awk -F: '{ print $3, $4 }'
    fi
}

make_user() {
    [ -z "$(ids_of_tasky)" ] || return 0
    say "the system user tasky"
    [ -z "$dry" ] || return 0
    useradd ${root:+--prefix "$root"} --system --user-group --no-create-home --home-dir "$state" \
        --shell /usr/sbin/nologin --comment "Tasky" tasky
}

# The unit's StateDirectory= would make it, too, but the token is to be there before the first start.
make_state() {
    [ ! -d "$root$state" ] || return 0
    say "$state, for tasky only"
    [ -z "$dry" ] || return 0
    mkdir -p -- "$root/var/lib"
    mkdir -m 0700 -- "$root$state"
    chown -h -- "$(ids_of_tasky | tr ' ' ':')" "$root$state"
}

# as_tasky ARGUMENT...: runs the installed tasky as its user, with nothing of this environment. Root itself must not
# write to a folder that another user owns: a link in it could lead anywhere.
as_tasky() (
    ids=$(ids_of_tasky)
    umask 077
    cd /
    exec setpriv --reuid "${ids% *}" --regid "${ids#* }" --clear-groups --no-new-privs \
        env -i PATH=/usr/local/bin:/usr/bin:/bin HOME="$state" LC_ALL=C.UTF-8 "$python" -I -m tasky "$@"
)

# make_token: the first one, on standard output, and only if there is none at all
make_token() {
    if [ "$dry" ]; then
        say "a token for the first admin, if there is no token yet"
        return 0
    fi
    # In a root of its own, the settings' paths are not those that they will be.
    if [ "$root" ]; then set -- --state-dir "$root$state"; else set -- --config /etc/tasky/tasky.yaml; fi
    if ! tokens=$(as_tasky token list --json "$@"); then
        say "the tokens cannot be listed, so no first one is made. Later: tasky token create --name admin --scope admin"
        return 0
    fi
    [ -z "$tokens" ] || return 0
    say "the token of the first admin; it is printed this one time. Keep it by: tasky login"
    as_tasky token create --name admin --scope admin "$@"
}

# remove_state: everything that the service wrote, and its user
remove_state() {
    for folder in "$state" /var/log/tasky /var/cache/tasky /run/tasky; do
        [ -e "$root$folder" ] || continue
        say "removing $folder"
        [ "$dry" ] || rm -rf -- "$root$folder"
    done
    has_accounts && [ "$(ids_of_tasky)" ] || return 0
    say "removing the user tasky"
    [ -z "$dry" ] || return 0
    userdel ${root:+--prefix "$root"} tasky
}
