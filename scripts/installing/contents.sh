# What is installed, but for the virtual environment. Part of scripts/install. Needs: $here, $usr, $prefix, $work, put.
# shellcheck shell=sh disable=SC2154

units=$usr/lib/systemd/system
# Those of the bundled workers that need nothing but what Tasky needs: Python, and df.
examples='copyfile.py copyfile.yaml diskfree.yaml ifconfig.py ifconfig.yaml sleeper.py sleeper.yaml'
shells='bash zsh fish'

completion_of() {
    case $1 in
        bash) echo "$usr/share/bash-completion/completions/tasky" ;;
        zsh) echo "$usr/share/zsh/site-functions/_tasky" ;;
        fish) echo "$usr/share/fish/vendor_completions.d/tasky.fish" ;;
    esac
}

put_contents() {
    put_settings
    for name in $examples; do
        case $name in *.yaml) mode=0644 ;; *) mode=0755 ;; esac
        put "$mode" "$here/workers.d/$name" "/etc/tasky/workers.d/$name"
    done
    put_units
    for page in "$here"/etc/man/*.[1-8]; do
        name=${page##*/}
        put 0644 "$page" "$usr/share/man/man${name##*.}/$name"
    done
    printf '#!/bin/sh\nexec %s/bin/tasky "$@"\n' "$prefix" > "$work/tasky"
    put 0755 "$work/tasky" "$usr/bin/tasky"
    if [ -z "$dry" ]; then
        for shell in $shells; do
            (cd / && _TASKY_COMPLETE=${shell}_source "$python" -I -c '
import sys
from tasky.cli import main
sys.exit(main([]))') > "$work/completion"
            put 0644 "$work/completion" "$(completion_of "$shell")"
        done
    else
        for shell in $shells; do say "$(completion_of "$shell"), unless it is there"; done
    fi
}

# The shipped settings are the defaults. As a service of the machine, everybody on it can connect: a token is needed.
put_settings() {
    sed 's/^auth: false$/auth: true/' "$here/etc/tasky.yaml" > "$work/tasky.yaml"
    grep -q '^auth: true$' "$work/tasky.yaml" || fail "etc/tasky.yaml has no line auth: false"
    put 0644 "$work/tasky.yaml" /etc/tasky/tasky.yaml
}

# put_units: units, and beside the documentation the drop-ins, which are for those who want them
put_units() {
    (cd "$here/etc/systemd" && find . -type f | LC_ALL=C sort) > "$work/units"
    while IFS= read -r file; do
        file=${file#./}
        sed "s|/opt/tasky|$prefix|g; s|/usr/local|$usr|g" "$here/etc/systemd/$file" > "$work/unit"
        case $file in
            */* | *.conf | *.md) put 0644 "$work/unit" "$usr/share/doc/tasky/systemd/$file" ;;
            *) put 0644 "$work/unit" "$units/$file" ;;
        esac
    done < "$work/units"
}

# remove_edited: what --uninstall has left, since it was edited
remove_edited() {
    for path in "$root/etc/tasky" "$root/etc/systemd/system"/tasky.*.d "$root$usr/share/doc/tasky" \
        "$root$usr/bin/tasky" "$root$units"/tasky.service* "$root$units"/tasky.socket* \
        "$root$usr/share/man"/man[157]/tasky[.-]* \
        "$root$(completion_of bash)" "$root$(completion_of zsh)" "$root$(completion_of fish)"; do
        if [ -e "$path" ] || [ -L "$path" ]; then
            say "removing ${path#"$root"}"
            [ "$dry" ] || rm -rf -- "$path"
        fi
    done
}
