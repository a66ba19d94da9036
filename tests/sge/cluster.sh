#!/usr/bin/env bash
# A real SGE on this computer, for tests and to try things out: one host, no systemd, the system's own cell is not used.
#
#   tests/sge/cluster.sh up [--slots N] [--dir DIR]                    one queue with N slots (6)
#   eval "$(tests/sge/cluster.sh env [--dir DIR])"                     qsub, qstat, ... talk to it
#   tests/sge/cluster.sh start|kill qmaster|execd [--dir DIR]          one of its daemons
#   tests/sge/cluster.sh down [--dir DIR]                              ends all, and removes the folder
#
# Everything is in DIR (default: fairmesh-sge-UID in the temporary folder): several clusters can run side by side, and
# an SGE that this computer already has is not touched.
set -euo pipefail

usage() {
    sed -n 's/^# \{0,1\}//; 2,9p' "${BASH_SOURCE[0]}" >&2
    exit 2
}

fail() {
    echo "cluster.sh: $1" >&2
    exit 1
}

read_arguments() {
    verb=${1:-} daemon='' slots=6 dir=${TMPDIR:-/tmp}/fairmesh-sge-$(id -u)
    [ $# -eq 0 ] || shift
    while [ $# -gt 0 ]; do
        case $1 in
            --slots | --dir)
                [ -n "${2:-}" ] || usage
                declare -g "${1#--}=$2"
                shift
                ;;
            -*) usage ;;
            *) daemon=$1 ;;
        esac
        shift
    done
    [[ $slots =~ ^[1-9][0-9]*$ ]] || usage
    [[ $dir =~ ^/?[A-Za-z0-9._/+-]+$ ]] || fail "--dir $dir: letters, digits and . _ / + - only"
    [[ $dir = /* ]] || dir=$PWD/$dir
    root=$dir/root common=$dir/root/default/common
}

install_packages() {
    local missing=() name programs=/usr/lib/gridengine
    [ -x $programs/sge_qmaster ] || missing+=(gridengine-master)
    [ -x $programs/sge_execd ] || missing+=(gridengine-exec)
    [ -x $programs/qsub ] || missing+=(gridengine-client)
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
        fail "not installed, and only root can install it: ${missing[*]}"
    fi
    export DEBIAN_FRONTEND=noninteractive
    local get=(apt-get -qq install -y --no-install-recommends "${missing[@]}")
    "${get[@]}" > /dev/null 2>&1 || { apt-get -qq update && "${get[@]}" > /dev/null; } || fail "cannot install ${missing[*]}"
    for name in sge_qmaster sge_execd qsub; do [ -x $programs/$name ] || fail "$programs/$name does not exist"; done
}

# Two free ports below the range from which the system assigns ports.
free_port() {
    python3 - << 'PYTHON'
import random, socket

def is_free(port):
    with socket.socket() as server:
        try:
            server.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True

while True:
    port = random.randrange(20000, 32000)
    if is_free(port) and is_free(port + 1):
        break
print(port)
PYTHON
}

# Every process of this cluster is recognized by its environment.
run() {
    env -i PATH="$PATH" HOME="$dir" LC_ALL=C FAIRMESH_TEST_CLUSTER="$dir" "${settings[@]}" "$@" < /dev/null
}

wait_for() { # what, command...
    local what=$1
    shift
    local until=$((SECONDS + 30))
    while [ $SECONDS -lt $until ]; do
        if run timeout 10 "$@" > /dev/null 2>&1; then return; fi
        sleep 0.1
    done
    fail "$what does not answer; see $dir/spool/*/messages"
}

read_settings() {
    [ -s "$dir/ports" ] || fail "there is no cluster in $dir; start one with: $0 up --dir $dir"
    local port
    port=$(< "$dir/ports")
    settings=("SGE_ROOT=$root" SGE_CELL=default "SGE_QMASTER_PORT=$port" "SGE_EXECD_PORT=$((port + 1))")
}

write_cell() {
    mkdir -p "$common" "$dir"/{bin,spool/qmaster,spool/execd}
    local name
    for name in bin lib utilbin util; do ln -s "/var/lib/gridengine/$name" "$root/$name"; done
    free_port > "$dir/ports"
    # On loopback an address resolves to localhost, whatever the name of the host is.
    echo localhost > "$common/act_qmaster"
    echo "fairmesh$(< "$dir/ports")" > "$common/cluster_name"
    [ "$(hostname)" = localhost ] || echo "localhost $(hostname)" > "$common/host_aliases"
    cat > "$common/bootstrap" << CONF
admin_user              none
default_domain          none
ignore_fqdn             false
spooling_method         classic
spooling_lib            libspoolc
spooling_params         $common;$dir/spool/qmaster
binary_path             /usr/sbin
qmaster_spool_dir       $dir/spool/qmaster
security_mode           none
listener_threads        2
worker_threads          2
scheduler_threads       1
CONF
}

# Jobs of root are allowed, and what accounting says of a finished job is written at once.
write_spool() {
    local programs=/usr/lib/gridengine examples=/usr/share/gridengine
    sed -e "s#^execd_spool_dir .*#execd_spool_dir $dir/spool/execd#" -e 's#^min_\([ug]id\) .*#min_\1 0#' \
        -e 's#^mailer .*#mailer /bin/true#' -e 's#^load_report_time .*#load_report_time 00:00:05#' \
        -e 's#^max_unheard .*#max_unheard 00:00:20#' -e 's#flush_time=[0-9:]*#flush_time=00:00:00#' \
        $examples/default-configuration > "$dir/configuration"
    {
        run $programs/spoolinit classic libspoolc "$common;$dir/spool/qmaster" init
        run $programs/spooldefaults configuration "$dir/configuration"
        run $programs/spooldefaults complexes $examples/util/resources/centry
        run $programs/spooldefaults usersets $examples/util/resources/usersets
        run $programs/spooldefaults managers "$(id -un)"
    } > "$dir/spool/messages" 2>&1 || fail "its database cannot be made; see $dir/spool/messages"
}

configure() { # what qconf adds or changes, from standard input
    local file=$dir/$1
    cat > "$file"
    run qconf "-$2" "$file" > "$dir/spool/qconf" 2>&1 || fail "qconf -$2: $(< "$dir/spool/qconf")"
}

# A queue for jobs up to any length; two kinds of parallel environments; a GPU that can be asked for, and not used.
write_queue() {
    local name rule=pe_slots
    run qconf -as localhost > /dev/null 2>&1
    {
        run qconf -sc | grep -v '^#'
        echo 'gpu gpu INT <= YES JOB 0 0'
        echo 'gpu_type gpu_type RESTRING == YES NO NONE 0'
        echo 'exclusive excl BOOL EXCL YES YES 0 1000'
    } | configure complexes Mc
    configure host Ae << CONF
hostname localhost
load_scaling NONE
complex_values gpu=1,gpu_type=a100,exclusive=TRUE,slots=$slots
user_lists NONE
xuser_lists NONE
projects NONE
xprojects NONE
usage_scaling NONE
report_variables NONE
CONF
    configure hostgroup Ahgrp <<< $'group_name @allhosts\nhostlist localhost'
    for name in smp mpi; do
        configure pe Ap << CONF
pe_name $name
slots 999
user_lists NONE
xuser_lists NONE
start_proc_args NONE
stop_proc_args NONE
allocation_rule \$$rule
control_slaves TRUE
job_is_first_task FALSE
urgency_slots min
accounting_summary TRUE
qsort_args NONE
CONF
        rule=round_robin
    done
    { run qconf -sq | sed -e 's#^qname .*#qname all.q#' -e 's#^hostlist .*#hostlist @allhosts#' -e "s#^slots .*#slots $slots#" \
        -e 's#^shell_start_mode .*#shell_start_mode unix_behavior#' -e 's#^pe_list .*#pe_list smp mpi#' \
        -e 's#^shell  *.*#shell /bin/sh#' -e 's#^notify .*#notify 00:00:15#' -e 's#^rerun .*#rerun FALSE#' \
        -e 's#^load_thresholds .*#load_thresholds NONE#'; } | configure queue Aq
    run qconf -ssconf | sed -e 's#^schedule_interval .*#schedule_interval 0:0:1#' -e 's#^flush_\(submit\|finish\)_sec .*#flush_\1_sec 1#' \
        -e 's#^schedd_job_info .*#schedd_job_info true#' | configure scheduler Msconf
}

start_daemon() { # qmaster or execd
    case $1 in
        qmaster | execd) ;;
        *) usage ;;
    esac
    run "/usr/sbin/sge_$1" > "$dir/spool/start" 2>&1 || fail "$1 does not start: $(< "$dir/spool/start")"
    if [ "$1" = qmaster ]; then wait_for qmaster qconf -sh; fi
}

pid_file() { # of a daemon
    case $1 in
        qmaster) echo "$dir/spool/qmaster/qmaster.pid" ;;
        execd) ls "$dir"/spool/execd/*/execd.pid 2> /dev/null ;;
        *) usage ;;
    esac
}

kill_daemon() {
    local file
    file=$(pid_file "$1")
    [ -s "$file" ] || fail "$1 does not run"
    kill -KILL "$(< "$file")" || true
    rm -f "$file"
}

has_host() { # whether the execution host reports to the queue
    run qstat -f -q all.q | grep -Eq '^all\.q@localhost +BIP +[0-9/]+ +[0-9.]+ +[^ ]+ *$'
}

up() {
    [ ! -e "$common" ] || fail "there is a cluster in $dir; end it with: $0 down --dir $dir"
    install_packages
    mkdir -p "$dir"
    if [ ! -O "$dir" ] || [ -L "$dir" ]; then fail "$dir belongs to another user"; fi
    chmod 755 "$dir"
    write_cell
    read_settings
    write_spool
    start_daemon qmaster
    write_queue
    start_daemon execd
    local until=$((SECONDS + 30))
    until has_host; do
        [ $SECONDS -lt $until ] || fail "the execution host is not up; see $dir/spool/*/messages"
        sleep 0.2
    done
    show_env
}

show_env() {
    read_settings
    echo "export ${settings[*]} PATH='$dir/bin':\"\$PATH\""
}

# The daemons by our mark; jobs, whose environment is another, by their spool folder; and all their descendants.
processes() {
    local own
    own=$({
        grep -lzxsF "FAIRMESH_TEST_CLUSTER=$dir" /proc/[0-9]*/environ || true
        grep -lzsF "SGE_JOB_SPOOL_DIR=$dir/" /proc/[0-9]*/environ || true
    } | cut -d/ -f3)
    [ -z "$own" ] || with_descendants "$own"
}

with_descendants() { # process numbers
    ps -e -o pid=,ppid= | awk -v own="$1" '
        BEGIN {count = split(own, list); for (i = 1; i <= count; i++) found[list[i]]}
        {parent[$1] = $2}
        END {do {more = 0
                 for (pid in parent) if (!(pid in found) && parent[pid] in found) {found[pid]; more = 1}
             } while (more)
             for (pid in found) print pid}'
}

down() {
    [ -e "$dir" ] || return 0
    [ -e "$common" ] || fail "$dir is not the folder of a cluster"
    for _ in $(seq 100); do
        mapfile -t pids < <(processes)
        [ ${#pids[@]} -gt 0 ] || break
        kill -KILL "${pids[@]}" 2> /dev/null || true
        sleep 0.1
    done
    [ ${#pids[@]} -eq 0 ] || fail "these processes do not end: ${pids[*]}"
    rm -rf "$dir"
}

settings=()
read_arguments "$@"
case $verb in
    up) up ;;
    down) down ;;
    env) show_env ;;
    start) read_settings && start_daemon "$daemon" ;;
    kill) read_settings && kill_daemon "$daemon" ;;
    *) usage ;;
esac
