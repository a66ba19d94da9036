# Tell fairmesh how far a script is: copy this function into it.   report 37 "epoch 3 of 8"
report() {
  printf '# fairmesh status=running progress=%d msg="%s"\n' "$1" "$(printf '%s' "${2:-}" | tr '"\n' "' ")"
}
