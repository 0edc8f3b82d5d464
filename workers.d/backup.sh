#!/usr/bin/env bash
# Packs a folder and leaves the archive as an artifact. An example of the protocol of docs/protocol.md in Bash alone:
# JSON is read and written by three small functions. Where jq is installed, that is shorter.
# A cancel needs nothing here: SIGTERM ends tar as well as this script, and the archive goes with the work folder.
set -u -o pipefail
LC_ALL=C # characters are bytes here; UTF-8 passes through as it is

# quote TEXT: the JSON string of it, in $REPLY
quote() {
    local text=$1 code char
    text=${text//\\/\\\\}
    text=${text//\"/\\\"}
    if [[ $text == *[[:cntrl:]]* ]]; then
        for code in {0,1}{{0..9},{a..f}}; do
            printf -v char %b "\\x$code"
            [[ $char ]] && text=${text//"$char"/"\\u00$code"}
        done
    fi
    REPLY="\"$text\""
}

# string_of JSON NAME: the member NAME that is a string, in $REPLY. Inside a string every quote has a backslash before it,
# so that what is found here is a name and its value. Among several of this name, at any depth, the first one.
string_of() {
    local character='[^"\\]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4}'
    [[ $1 =~ \"$2\"[[:space:]]*:[[:space:]]*\"(($character)*)\" ]] && unquote "${BASH_REMATCH[1]}"
}

# unquote STRING: the text of what stands between the quotes of a JSON string, in $REPLY; fails if it has a NUL
unquote() {
    local rest=$1 text='' code
    while [[ $rest == *\\* ]]; do
        text+=${rest%%\\*}
        rest=${rest#*\\}
        case $rest in
            u*)
                code=$((16#${rest:1:4}))
                rest=${rest:5}
                if ((code >> 10 == 0x36)) && [[ $rest == \\u[dD][c-fC-F]* ]]; then # two halves of one character
                    code=$((0x10000 + ((code & 0x3FF) << 10) + (16#${rest:2:4} & 0x3FF)))
                    rest=${rest:6}
                fi
                ((code)) || return 1
                utf8 "$code"
                text+=$REPLY
                ;;
            [bfnrt]*)
                printf -v REPLY %b "\\${rest:0:1}"
                text+=$REPLY
                rest=${rest:1}
                ;;
            *)
                text+=${rest:0:1}
                rest=${rest:1}
                ;;
        esac
    done
    REPLY=$text$rest
}

# utf8 NUMBER: the character of this code point, in $REPLY
utf8() {
    local -i code=$1
    local -a bytes
    if ((code < 0x80)); then
        bytes=("$code")
    elif ((code < 0x800)); then
        bytes=($((0xC0 | code >> 6)) $((0x80 | code & 0x3F)))
    elif ((code < 0x10000)); then
        bytes=($((0xE0 | code >> 12)) $((0x80 | code >> 6 & 0x3F)) $((0x80 | code & 0x3F)))
    else
        bytes=($((0xF0 | code >> 18)) $((0x80 | code >> 12 & 0x3F)) $((0x80 | code >> 6 & 0x3F)) $((0x80 | code & 0x3F)))
    fi
    printf -v REPLY '\\x%x' "${bytes[@]}"
    printf -v REPLY %b "$REPLY"
}

fail() {
    quote "$1"
    printf '{"type":"error","message":%s}\n' "$REPLY"
    exit 1
}

archive=${TASKY_WORKDIR:-.}/backup.tar.gz

IFS= read -r task
string_of "$task" folder || fail "the parameter folder is missing or has a NUL character"
folder=$REPLY
[[ -d $folder ]] || fail "not a folder: $folder"

total=$(find "$folder/" -xdev -print0 | tr -dc '\0' | wc -c)
# tar writes one line for each file, whatever its name: a newline in it is written as \n.
exec 3< <(exec tar --create --gzip --verbose --one-file-system --file "$archive" --directory "$folder" .)
tar=$!
packed=0 shown=0
while IFS= read -r -u 3 _; do
    ((packed += 1))
    ((percent = packed * 100 / (total > packed ? total : packed)))
    if ((percent > shown)); then
        shown=$percent
        printf '{"type":"progress","percent":%d,"message":"%d of %d files"}\n' "$percent" "$packed" "$total"
    fi
done
wait "$tar"
case $? in
    0) ;;
    1) echo '{"type":"log","level":"warning","message":"some files changed while they were packed"}' ;;
    *) fail "tar could not pack all files: its messages are in the log" ;;
esac

name=${folder%"${folder##*[!/]}"}
name=${name##*/}
name=${name//[[:cntrl:]]/_} # a name with a control character would be refused
quote "${name:-root}-$(date +%Y-%m-%d).tar.gz"
printf '{"type":"artifact","path":"backup.tar.gz","name":%s,"media_type":"application/gzip"}\n' "$REPLY"
printf '{"type":"result","output":{"files":%d,"bytes":%d}}\n' "$packed" "$(wc -c <"$archive")"
