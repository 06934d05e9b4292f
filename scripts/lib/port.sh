# Ports on 127.0.0.1, with bash's own sockets: a minimal system has no other tool for it.

# Does something listen on port $1?
is_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# check_ports <variable> <port> [<how many>]: ends the script unless so many ports, from that one on, can be had. The
# sentence ends with a command to try, in $called.
check_ports() {
  local variable=$1 first=$2 many=${3:-1} port
  case $first in
    "" | *[!0-9]* | ??????*) fail "$variable=$first is not a port" ;;
  esac
  first=$((10#$first))
  [ "$first" -ge 1 ] && [ "$first" -le 65535 ] || fail "$variable=$first is not a port"
  [ $((first + many - 1)) -le 65535 ] || fail "$variable=$first is too high: $many ports from there on are wanted"
  for ((port = first; port < first + many; port++)); do
    ! is_taken "$port" || fail "port $port on 127.0.0.1 is taken; stop the program that has it, or choose another: $variable=$(free_ports $((port + 10)) "$many") $called"
  done
}

# Prints the first port from $1 on from which $2 (or one) are free.
free_ports() {
  local first=$1 many=${2:-1} port
  while :; do
    [ $((first + many - 1)) -le 65535 ] || first=10000
    for ((port = first; port < first + many; port++)); do
      if is_taken "$port"; then
        first=$((port + 1))
        continue 2
      fi
    done
    printf '%s\n' "$first"
    return
  done
}

# Does GET $2 on port $1 answer with 200?
answers() (
  exec 2>/dev/null
  exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
  printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nConnection: close\r\n\r\n' "$2" "$1" >&3
  read -r -t 2 line <&3 && [[ $line == "HTTP/1.1 200"* ]]
)
