#!/bin/sh
# A worker for the tests: `behave.sh MODE [ARGUMENT]...`, a mode for each behaviour. Most say who they are first.

say() { printf '%s\n' "$1"; }
ready() { say "{\"type\":\"progress\",\"percent\":1,\"message\":\"$$\"}"; }
result() { say "{\"type\":\"result\",\"output\":$1}"; }
mode=$1
shift

case $mode in
# ------------------------------------------------------------------ ends
result) result "$1" ;;
two_results) result 1; result 2 ;;
result_and_exit) result '"kept"'; exit "$1" ;;
error) say '{"type":"error","message":"no space","code":"E_SPACE","details":{"free":0}}' ;;
exit) echo "first word" >&2; echo "last word" >&2; exit "$1" ;;
killed) kill -KILL $$ ;;
plain) say "one"; say '{"type":"progress","percent":50}'; say "two"; say '{"type":"dance"}' ;;
stderr_only) echo "a remark" >&2 ;;
partial) printf 'whole\n{"type":"result","output":"no newline"}' ;;
rubbish) printf '\377\376 \303(\n'; result '"after rubbish"' ;;
logs) say '{"type":"log","level":"warning","message":"careful","disk":"sda"}'; say "between"
    say '{"type":"log","message":"and again"}' ;;
progress) i=1; while [ $i -le "$1" ]; do say "{\"type\":\"progress\",\"percent\":$i}"; i=$((i + 1)); done ;;
params) read -r line; result "$line" ;;
artifact) echo 1,2 >out.csv
    say '{"type":"artifact","path":"out.csv","media_type":"text/csv"}'
    say '{"type":"artifact","path":"../../../lock"}' ;;
announce) i=0; path=$(printf '%0500d' 0)
    while [ $i -lt "$1" ]; do say "{\"type\":\"artifact\",\"path\":\"$path\"}"; i=$((i + 1)); done ;;

# ------------------------------------------------------------------ waits
forever) ready; exec sleep 1000 ;;
forever_tree) ready; sleep 1000 & sleep 1000 ;;
stubborn) trap '' TERM; ready; while :; do sleep 1000; done ;;
stubborn_child) trap '' TERM; sleep 1000 & trap - TERM; ready; wait ;;
polite) trap 'result "\"bye\""; exit 0' TERM; sleep 1000 & ready; wait; wait ;;
gate) ready; read -r word <"$1"; result "\"$word\"" ;; # waits until the test opens the FIFO
gated_progress) ready; read -r word <"$1"
    i=1; while [ $i -le 100 ]; do say "{\"type\":\"progress\",\"percent\":$i}"; i=$((i + 1)); done
    result $$ ;;
mark) echo "$TASKY_TASK_ID" >>"$1" ;; # the order of starts
mark_and_wait) echo "$TASKY_TASK_ID" >>"$1"; read -r word <"$2" ;;
stops_itself) ready; kill -STOP $$; result '"went on"' ;;
tick) ready; i=0; while :; do i=$((i + 1)); echo $i >"$1"; done ;; # busy: its counter stands still only if frozen

# ------------------------------------------------------------------ leaves something behind
grandchild_with_pipe) sleep 1000 & result '"done"' ;;
grandchild_without_pipe) sleep 1000 >/dev/null 2>&1 & result '"done"' ;;
grandchild_that_writes) (read -r word <"$1"; say "late"; sleep 1000) & result '"done"' ;;
escaped_flood) setsid "$0" flood_progress & result '"done"' ;;
flood_progress) while :; do say '{"type":"progress","percent":7}'; done ;;
closes_its_pipes) exec >/dev/null 2>&1; ready; read -r word <"$1"; exit 3 ;;

# ------------------------------------------------------------------ looks around
listens) trap '' TERM; read -r task; ready; read -r line; result "$line" ;; # input: open
never_reads) ready; exec sleep 1000 ;;
exits_at_once) exit 0 ;;
*) echo "no mode $mode" >&2; exit 64 ;;
esac
