# The virtual environment. Part of scripts/install. Needs: $root, $prefix, $here, $dry, say, fail.
# $fresh is removed at the end, if it is still there.
# It is made beside its place, and gets there by a rename: what is installed is whole, always.
# shellcheck shell=sh disable=SC2154

# find_python: one that the service's user can run, too: not one out of somebody's home, where the unit cannot look
find_python() {
    for candidate in ${PYTHON:+"$PYTHON"} /usr/bin/python3 /usr/local/bin/python3 python3 python3.14 python3.13 \
        python3.12 python3.11; do
        if "$candidate" -I -c '
import sys
home = sys.base_prefix.startswith(("/root/", "/home/"))
sys.exit(sys.version_info < (3, 11) or home)' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    fail "no Python 3.11 or newer found outside of /root and /home. Install one, or name it: PYTHON=/path/python3"
}

# source_files: what the package is made of, relative to the checkout
source_files() {
    (
        cd "$here"
        # Links are to what is shipped as a file of its own, too: they become files.
        find tasky \( -type f -o -type l \) ! -path '*/__pycache__/*' ! -name '*.pyc' ! -name '*.so'
        printf '%s\n' setup.cfg setup.py pyproject.toml README.md LICENSE
    ) | LC_ALL=C sort
}

# source_sum PYTHON: changes with the code, the Python that it is installed for, and whether there is a C compiler (setup.py)
source_sum() {
    {
        "$1" -I -c 'import sys; print(sys.version)'
        command -v "${CC:-gcc}" || true
        source_files | while IFS= read -r file; do
            printf '%s\n' "$file"
            cat -- "$here/$file"
        done
    } | sha256sum | cut -d ' ' -f 1
}

# build_environment PYTHON SUM: as $prefix.new
build_environment() {
    say "$prefix: a virtual environment with Tasky $version ($("$1" --version))"
    [ -z "$dry" ] || return 0
    fresh=$root$prefix.new
    rm -rf -- "$fresh"
    make_folder "$(dirname -- "$prefix")"
    # A copy, since building leaves files in what it builds.
    mkdir -- "$work/source"
    source_files | while IFS= read -r file; do
        mkdir -p -- "$work/source/$(dirname -- "$file")"
        cp -- "$here/$file" "$work/source/$file"
    done
    "$1" -I -m venv "$fresh" || fail "$1 cannot make one. On Debian and Ubuntu: apt install python3-venv"
    "$fresh/bin/python" -m pip install --quiet --disable-pip-version-check --no-warn-script-location --no-cache-dir \
        --no-compile --root-user-action=ignore "$work/source[all]" >&2
    # Nothing in it may name the place where it was made, and it needs no tools for making another one.
    (
        cd "$fresh/bin"
        for file in *; do
            case $file in python*) ;; *) rm -f -- "$file" ;; esac
        done
    )
    for packages in "$fresh"/lib/python3*/site-packages; do
        rm -rf -- "$packages"/pip "$packages"/pip-* "$packages"/setuptools "$packages"/setuptools-* \
            "$packages"/pkg_resources "$packages"/_distutils_hack "$packages"/distutils-precedence.pth \
            "$packages"/tasky-*.dist-info/direct_url.json
    done
    "$fresh/bin/python" -I -m compileall -q -s "$fresh" -p "$prefix" "$fresh/lib" >&2
    sed -i '/^command = /d' "$fresh/pyvenv.cfg"
    printf '#!%s/bin/python -I\nimport sys\n\nfrom tasky.cli import main\n\nsys.exit(main())\n' "$prefix" \
        > "$fresh/bin/tasky"
    chmod 0755 "$fresh/bin/tasky"
    mkdir -p -- "$fresh/share/tasky"
    printf '%s\n' "$2" > "$fresh/share/tasky/source"
    # A list is there from the start: an install that is interrupted can be run again.
    : > "$fresh/share/tasky/installed"
    [ ! -f "$listed" ] || cp -- "$listed" "$fresh/share/tasky/installed"
    chmod -R u+rwX,go=rX -- "$fresh"
    (cd / && "$fresh/bin/python" -I -m tasky version >/dev/null) ||
        fail "the new code does not start; nothing is changed"
}

# swap_in: $prefix.new gets its place, and what was there is $prefix.old
swap_in() {
    [ -z "$dry" ] || return 0
    rm -rf -- "$root$prefix.old"
    if [ -e "$root$prefix" ]; then mv -- "$root$prefix" "$root$prefix.old"; fi
    mv -- "$root$prefix.new" "$root$prefix"
}

# swap_back: the new code did not start; the list of what is installed is of now
swap_back() {
    cp -- "$root$prefix/share/tasky/installed" "$root$prefix/share/tasky/folders" "$root$prefix.old/share/tasky"
    mv -- "$root$prefix" "$root$prefix.new"
    mv -- "$root$prefix.old" "$root$prefix"
    rm -rf -- "$root$prefix.new"
}
