# For workers written in Bash: reads the task, says how it goes. Copy it beside the worker; it needs nothing else.
#
#     #!/usr/bin/env bash
#     . "${BASH_SOURCE%/*}/worker.sh"
#
#     greet() {
#         param name || fail "the name is missing" || return
#         local name=$REPLY
#         progress 50 greeting
#         quote "Hello, $name"
#         result "{\"greeting\":$REPLY}"
#     }
#     serve greet
#
# With `reuse` in its definition, the function is called for one task after another, in this shell: a variable that is
# not `local` is there the next time. SIGTERM ends the process at once. The functions that read and write JSON are those
# of backup.sh.
set -u -o pipefail
NOTHING='{"type":"result"'
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

# param NAME: the parameter of this name, which is a string, in $REPLY
param() {
    string_of "${TASK#*\"params\":}" "$1"
}

# progress PERCENT [MESSAGE]
progress() {
    quote "${2-}"
    printf '{"type":"progress","percent":%s,"message":%s}\n' "$1" "$REPLY"
}

# log MESSAGE [LEVEL]
log() {
    quote "$1"
    printf '{"type":"log","level":"%s","message":%s}\n' "${2-info}" "$REPLY"
}

# artifact PATH [NAME]: keeps a file of the work folder with the task
artifact() {
    local path
    quote "$1"
    path=$REPLY
    quote "${2-${1##*/}}"
    printf '{"type":"artifact","path":%s,"name":%s}\n' "$path" "$REPLY"
}

# result JSON: the task's Output
result() {
    [[ $FAILED ]] || ANSWER="{\"type\":\"result\",\"output\":$1"
}

# fail TEXT: the task will be Failed; is itself a failure, so that `|| fail "..." || return` ends the function
fail() {
    quote "$1"
    FAILED=1 ANSWER="{\"type\":\"error\",\"message\":$REPLY"
    return 1
}

# serve FUNCTION: calls it for each task, in its work folder. TASK is the line; a status other than 0 fails the task
serve() {
    local home=$PWD id rest status
    while IFS= read -r TASK; do
        ANSWER='' FAILED=
        string_of "$TASK" id && id=$REPLY || id=
        if [[ ${TASKY_PROCESS-} ]]; then # it was started before there was a task
            rest=${TASK##*\"attempt\":} # what follows are no strings of strangers
            string_of "$rest" workdir && export TASKY_TASK_ID=$id TASKY_ATTEMPT=${rest%%,*} TASKY_WORKDIR=$REPLY
            [[ $home == "$TASKY_PROCESS" ]] && cd "$TASKY_WORKDIR"
        fi
        "$1" </dev/null
        status=$?
        ((status == 0)) || [[ $FAILED ]] || fail "exit status $status"
        if [[ ${TASKY_PROTOCOL-} != 2 ]]; then
            [[ $ANSWER ]] && printf '%s}\n' "$ANSWER"
            exit "$((FAILED))"
        fi
        cd "$home" || exit
        printf '%s,"id":"%s"}\n' "${ANSWER:-$NOTHING}" "$id"
    done
}
