#!/usr/bin/env bash
# Waits for a job on another machine: bash dispatch.sh REQUEST RECORD PID
# The dispatcher, in the process PID, finds the file REQUEST, and writes the answer when RECORD is there or the job has failed.
# The loop starts no process: a thousand of these scripts may wait at the same time.
set -u
trap '' INT TERM HUP # the dispatcher knows what becomes of the job, and answers
request=$1 record=$2 main=$3 answer=$1,answer
[ -d "${request%/*}" ] || mkdir -p -- "${request%/*}" || exit 1
: > "$request" || exit 1
exec 3<> <(:) # a pipe in which nothing ever arrives
pause=0.3
until [ -e "$answer" ]; do
    if ! kill -0 "$main" 2> /dev/null; then
        [ ! -e "$answer" ] || break
        echo "fairmesh: the run has ended; the next run finds this job on its machine" >&2
        exit 1
    fi
    [ "$SECONDS" -lt 15 ] || pause=1
    [ "$SECONDS" -lt 120 ] || pause=5
    read -rt "$pause" -u 3 || :
done
{
    IFS= read -r line || :
    if [ "$line" = 0 ]; then
        [ -e "$record" ] && exit 0
        line="fairmesh: $record is missing, although the job was done"
    fi
    printf '%s\n' "$line"
    while IFS= read -r line; do
        printf '%s\n' "$line"
    done
} < "$answer" >&2
exit 1
