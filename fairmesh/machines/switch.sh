#!/bin/sh
# Powers a rented instance off if it is not renewed, or if its lifetime is over.
# Usage: fairmesh-switch FILE SECONDS END
#   FILE     "BOOT_ID UPTIME": renewed until this uptime in seconds
#   SECONDS  time until the first renewal, after each boot
#   END      end of the lifetime, in seconds since 1970
file=$1 first=$2 end=$3
boot=$(cat /proc/sys/kernel/random/boot_id)
uptime() { cut -d. -f1 /proc/uptime; }
first=$(($(uptime) + first))

is_renewed() {
  limit=$first renewed_boot='' renewed=''
  [ -f "$file" ] && read -r renewed_boot renewed <"$file"
  case $renewed in
    '' | *[!0-9]* | ???????????*) ;;
    *) [ "$renewed_boot" = "$boot" ] && limit=$renewed ;;
  esac
  [ "$(uptime)" -lt "$limit" ]
}

while is_renewed && [ "$(date +%s)" -lt "$end" ]; do
  sleep 5
done
exec shutdown -P now
