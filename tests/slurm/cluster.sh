#!/usr/bin/env bash
# A real Slurm on this computer, for tests and to try things out: several virtual nodes, no systemd, nothing shared.
#
#   tests/slurm/cluster.sh up [--nodes N] [--cpus N] [--accounting] [--dir DIR]    N nodes (3) of N CPUs (2)
#   eval "$(tests/slurm/cluster.sh env [--dir DIR])"                               sbatch, squeue, ... speak to it
#   tests/slurm/cluster.sh start|kill slurmctld|slurmdbd|n1|n2|... [--dir DIR]     one of its daemons
#   tests/slurm/cluster.sh down [--dir DIR]                                        ends all, and removes the folder
#
# Everything is in DIR (default: fairmesh-slurm-UID in the temporary folder): several clusters live side by side, and
# a Slurm that this computer already has is not touched.
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
    verb=${1:-} daemon='' nodes=3 cpus=2 accounting='' dir=${TMPDIR:-/tmp}/fairmesh-slurm-$(id -u)
    [ $# -eq 0 ] || shift
    while [ $# -gt 0 ]; do
        case $1 in
            --accounting) accounting=yes ;;
            --nodes | --cpus | --dir)
                [ -n "${2:-}" ] || usage
                declare -g "${1#--}=$2"
                shift
                ;;
            -*) usage ;;
            *) daemon=$1 ;;
        esac
        shift
    done
    [[ $nodes =~ ^[1-9][0-9]?$ && $cpus =~ ^[1-9][0-9]*$ ]] || usage
    [[ $dir =~ ^/?[A-Za-z0-9._/+-]+$ ]] || fail "--dir $dir: letters, digits and . _ / + - only"
    [[ $dir = /* ]] || dir=$PWD/$dir
    # A socket's name may have 107 bytes.
    [ ${#dir} -le 90 ] || fail "--dir $dir: its name is too long for a socket in it"
    conf=$dir/slurm.conf
    user=$(id -un) host=$(hostname -s)
    PATH=$PATH:/usr/sbin:/sbin # where Debian has the daemons, and a person's PATH does not
}

install_packages() {
    local missing=()
    command -v slurmctld munged > /dev/null || missing+=(slurm-wlm slurm-wlm-basic-plugins munge)
    [ -z "$accounting" ] || command -v slurmdbd mariadbd > /dev/null || missing+=(slurmdbd mariadb-server)
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
        fail "missing, and only root can install it: ${missing[*]}"
    fi
    export DEBIAN_FRONTEND=noninteractive
    local get=(apt-get -qq install -y --no-install-recommends "${missing[@]}")
    "${get[@]}" > /dev/null 2>&1 || { apt-get -qq update && "${get[@]}" > /dev/null; } || fail "cannot install ${missing[*]}"
}

# Ports that are free now; below those that the system deals out by itself, so that they stay so.
free_ports() { # how many
    python3 - "$1" << 'PYTHON'
import random, socket, sys

def is_free(port):
    with socket.socket() as one:
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True

count = int(sys.argv[1])
while True:
    first = random.randrange(20000, 32000 - count)
    if all(map(is_free, range(first, first + count))):
        break
print(first)
PYTHON
}

# Every process of this cluster can be told from others by what is in its environment.
run() {
    env -i PATH="$PATH" HOME="$dir" LC_ALL=C FAIRMESH_TEST_CLUSTER="$dir" SLURM_CONF="$conf" "$@" > /dev/null 2>&1 < /dev/null
}

slurm() { # a command of Slurm's client
    SLURM_CONF=$conf "$@"
}

wait_for() { # what, command...
    local what=$1
    shift
    local until=$((SECONDS + 30))
    while [ $SECONDS -lt $until ]; do
        if timeout 10 "$@" > /dev/null 2>&1; then return; fi
        sleep 0.25
    done
    fail "$what does not answer; see $dir/log"
}

name() { # of its own, because a job's number says nothing without it
    echo "fairmesh$(cksum <<< "$dir" | cut -d' ' -f1)"
}

write_slurm_conf() {
    local first memory
    first=$(free_ports $((nodes + 3)))
    database_port=$((first + 1)) accounting_port=$((first + 2))
    memory=$(awk '/MemTotal/ {print int($2 / 1024)}' /proc/meminfo)
    cat > "$conf" << CONF
ClusterName=$(name)
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$first
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$dir/munge.socket
StateSaveLocation=$dir/spool/slurmctld
SlurmdSpoolDir=$dir/spool/%n
SlurmctldPidFile=$dir/run/slurmctld.pid
SlurmdPidFile=$dir/run/%n.pid
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdLogFile=$dir/log/%n.log
MailProg=/bin/true
# No cgroups, which containers often may not use: processes are found by their parents.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
# Without cgroups memory is measured, every two seconds, and what uses more than it asked for is killed.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=2
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
# A node comes back by itself when its slurmd does.
ReturnToService=2
# The virtual nodes may have more than their share of the hardware.
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=2,bf_interval=2,defer_batch
SlurmdTimeout=30
InactiveLimit=0
KillWait=3
OverTimeLimit=0
# squeue tells of finished jobs for so many seconds: the executor plugin wants three times the time between its checks.
MinJobAge=600
MaxJobCount=20000
GresTypes=gpu
CONF
    if [ -n "$accounting" ]; then
        cat >> "$conf" << CONF
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=$accounting_port
AccountingStoragePass=$dir/munge.socket
AccountingStorageEnforce=limits
CONF
    fi
    for ((i = 1; i <= nodes; i++)); do
        local gpu=''
        [ "$i" -lt "$nodes" ] || gpu='Gres=gpu:a100:1'
        echo "NodeName=n$i NodeHostName=$host NodeAddr=127.0.0.1 Port=$((first + 2 + i)) CPUs=$cpus RealMemory=$((memory / nodes)) $gpu"
    done >> "$conf"
    cat >> "$conf" << CONF
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes=n$nodes MaxTime=INFINITE State=UP
CONF
    echo "NodeName=n$nodes Name=gpu Type=a100 File=/dev/null" > "$dir/gres.conf" # to be asked for, not to be used
    echo "CgroupPlugin=cgroup/v1" > "$dir/cgroup.conf"
}

# A job of Snakemake's executor plugin calls srun in an environment from which it took SLURM_CONF.
write_srun() {
    mkdir "$dir/bin"
    printf '#!/bin/sh\nSLURM_CONF=%s exec %s "$@"\n' "$conf" "$(command -v srun)" > "$dir/bin/srun"
    chmod 755 "$dir/bin/srun"
}

start_munge() {
    (umask 077 && head -c 1024 /dev/urandom > "$dir/munge.key")
    # Forced: the folder is this user's alone, which munged takes for a mistake.
    run munged --force --key-file="$dir/munge.key" --socket="$dir/munge.socket" --pid-file="$dir/run/munged.pid" \
        --log-file="$dir/log/munged.log" --seed-file="$dir/munge.seed" || fail "munged does not start; see $dir/log"
}

start_database() {
    local password
    password=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')
    run mariadb-install-db --no-defaults --user="$user" --datadir="$dir/mysql" --auth-root-authentication-method=normal \
        --skip-test-db || fail "the database cannot be made in $dir/mysql"
    run setsid --fork mariadbd --no-defaults --user="$user" --datadir="$dir/mysql" --socket="$dir/mysql.socket" \
        --pid-file="$dir/run/mariadbd.pid" --log-error="$dir/log/mariadbd.log" --bind-address=127.0.0.1 \
        --port="$database_port" --innodb-buffer-pool-size=32M --innodb-flush-log-at-trx-commit=0
    wait_for mariadbd mariadb-admin --no-defaults --user=root --socket="$dir/mysql.socket" ping
    mariadb --no-defaults --user=root --socket="$dir/mysql.socket" << SQL
create database slurm;
create user slurm@localhost identified by '$password';
grant all on slurm.* to slurm@localhost;
SQL
    (umask 077 && cat > "$dir/slurmdbd.conf") << CONF
AuthType=auth/munge
AuthInfo=socket=$dir/munge.socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort=$accounting_port
SlurmUser=$user
PidFile=$dir/run/slurmdbd.pid
LogFile=$dir/log/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=$database_port
StorageUser=slurm
StoragePass=$password
StorageLoc=slurm
CONF
}

start_accounting() {
    start_database
    start_daemon slurmdbd
    wait_for slurmdbd env SLURM_CONF="$conf" sacctmgr --noheader show cluster
    slurm sacctmgr --immediate --quiet add cluster "$(name)" > /dev/null
    slurm sacctmgr --immediate --quiet add account fairmesh > /dev/null
    slurm sacctmgr --immediate --quiet add user "$user" account=fairmesh > /dev/null
}

start_daemon() { # slurmctld, slurmdbd, or a node
    case $1 in
        slurmctld | slurmdbd) run "$1" ;;
        n[1-9]*) mkdir -p "$dir/spool/$1" && run slurmd -N "$1" ;;
        *) usage ;;
    esac || fail "$1 does not start; see $dir/log"
}

kill_daemon() {
    local file=$dir/run/$1.pid
    [ -s "$file" ] || fail "$1 does not run"
    kill -KILL "$(< "$file")" || true
    rm -f "$file"
}

all_idle() {
    [ "$(slurm sinfo --noheader --Node --partition=main --format=%t | sort | uniq -c | xargs)" = "$nodes idle" ]
}

up() {
    [ ! -e "$conf" ] || fail "there is a cluster in $dir; end it with: $0 down --dir $dir"
    install_packages
    mkdir -p "$dir"
    if [ ! -O "$dir" ] || [ -L "$dir" ]; then fail "$dir belongs to somebody else"; fi
    chmod 700 "$dir"
    mkdir -p "$dir"/{run,log,spool/slurmctld}
    write_slurm_conf
    write_srun
    start_munge
    [ -z "$accounting" ] || start_accounting
    start_daemon slurmctld
    for ((i = 1; i <= nodes; i++)); do start_daemon "n$i"; done
    for _ in $(seq 120); do
        ! all_idle || break
        sleep 0.25
    done
    all_idle || fail "not all nodes are idle; see $dir/log"
    show_env
}

show_env() {
    [ -e "$conf" ] || fail "there is no cluster in $dir; start one with: $0 up --dir $dir"
    echo "export SLURM_CONF='$conf' PATH='$dir/bin':\"\$PATH\""
}

# The daemons by our mark; jobs, whose environment is another, by configuration and node; slurmstepd, which overwrites
# its own, by the log that it writes; what descends from any of them, whatever its environment.
processes() {
    local own
    own=$({
        grep -lzxsF "FAIRMESH_TEST_CLUSTER=$dir" /proc/[0-9]*/environ || true
        { grep -lzxsF "SLURM_CONF=$conf" /proc/[0-9]*/environ || true; } | xargs -r grep -lzs '^SLURMD_NODENAME=' || true
        { grep -lxs slurmstepd /proc/[0-9]*/comm || true; } | while IFS= read -r comm; do
            ! readlink "${comm%comm}"fd/* | grep -qF "$dir/log/" || echo "$comm"
        done
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
    [ -e "$conf" ] || fail "$dir is not the folder of a cluster"
    for _ in $(seq 100); do
        mapfile -t pids < <(processes)
        [ ${#pids[@]} -gt 0 ] || break
        kill -KILL "${pids[@]}" 2> /dev/null || true
        sleep 0.1
    done
    [ ${#pids[@]} -eq 0 ] || fail "these processes do not end: ${pids[*]}"
    rm -rf "$dir"
}

read_arguments "$@"
case $verb in
    up) up ;;
    down) down ;;
    env) show_env ;;
    start) start_daemon "$daemon" ;;
    kill) kill_daemon "$daemon" ;;
    *) usage ;;
esac
