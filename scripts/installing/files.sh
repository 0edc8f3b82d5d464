# Files that are installed, and the list of them. Part of scripts/install. Needs: $root, $dry, say, $listed (the list as
# it was at the start), and the files $list (the one that is being made) and $folders (those that were made).
#
# The list has the SHA-256 of each file as it was shipped: one that has another was edited, and is its editor's.
# It is kept in the prefix, where only root writes: whatever it names is removed one day.
# shellcheck shell=sh disable=SC2154

sum_of() {
    sha256sum < "$1" | cut -d ' ' -f 1
}

# shipped_sum PATH: what the list says of it, or nothing
shipped_sum() {
    [ -f "$listed" ] || return 0
    awk -v path="$1" 'substr($0, 67) == path { print $1; exit }' "$listed"
}

# make_folder PATH: with those that it is in; what was not there is noted
make_folder() {
    [ ! -d "$root$1" ] || return 0
    make_folder "$(dirname -- "$1")"
    mkdir -- "$root$1"
    printf '%s\n' "$1" >> "$folders"
}

# write MODE SOURCE PATH: at once, or not at all
write() {
    [ -z "$dry" ] || return 0
    make_folder "$(dirname -- "$3")"
    cp -- "$2" "$root$3.tasky-tmp"
    chmod "$1" "$root$3.tasky-tmp"
    mv -f -- "$root$3.tasky-tmp" "$root$3"
}

# put MODE SOURCE PATH: the file is as shipped afterwards, unless somebody edited it; then PATH.new is, if it differs
put() {
    new=$(sum_of "$2")
    old=$(shipped_sum "$3")
    printf '%s  %s\n' "$new" "$3" >> "$list"
    if [ ! -e "$root$3" ] && [ ! -L "$root$3" ]; then
        case $3 in
            /etc/*) [ -z "$old" ] || return 0 ;; # removed by somebody, who does not want it back
        esac
        say "$3"
        write "$@"
        return
    fi
    now=$([ ! -f "$root$3" ] || sum_of "$root$3")
    if [ "$now" = "$new" ]; then
        [ "$dry" ] || rm -f -- "$root$3.new"
    elif [ "$now" = "$old" ] && [ ! -L "$root$3" ]; then
        say "$3 (of this version)"
        write "$@"
    elif [ "$new" != "$old" ] || [ -f "$root$3.new" ]; then
        [ -f "$root$3.new" ] && [ "$(sum_of "$root$3.new")" = "$new" ] && return
        say "$3 is edited, and stays; what is shipped is $3.new"
        write "$1" "$2" "$3.new"
    fi
}

# remove_listed LIST [KEEP]: what nobody edited of the files in LIST that the list KEEP does not have
remove_listed() {
    [ -f "$1" ] || return 0
    while read -r sum path; do
        if [ "${2:-}" ] && [ "$(listed=$2 && shipped_sum "$path")" ]; then continue; fi
        [ "$dry" ] || rm -f -- "$root$path.new"
        if [ ! -e "$root$path" ]; then
            :
        elif [ -L "$root$path" ] || [ "$(sum_of "$root$path")" != "$sum" ]; then
            say "$path is edited, and stays"
            continue
        else
            say "removing $path"
            [ "$dry" ] || rm -f -- "$root$path"
        fi
    done < "$1"
}

# remove_folders LIST: those that were made for this, and are empty now
remove_folders() {
    if [ -f "$1" ] && [ -z "$dry" ]; then
        LC_ALL=C sort -r -- "$1" | while IFS= read -r folder; do rmdir -- "$root$folder" 2>/dev/null || true; done
    fi
}
