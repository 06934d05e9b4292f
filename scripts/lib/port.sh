# Ports on 127.0.0.1, with bash's own sockets: a minimal system has no other tool for it.

# Does something listen on port $1?
is_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# check_port <variable> <port>: ends the script unless the port can be had.
check_port() {
  case $2 in
    "" | *[!0-9]* | ??????*) fail "$1=$2 is not a port" ;;
  esac
  [ "$2" -ge 1 ] && [ "$2" -le 65535 ] || fail "$1=$2 is not a port"
  ! is_taken "$2" || fail "port $2 on 127.0.0.1 is taken; stop the program that has it, or choose another: $1=$(free_port $(($2 + 10))) scripts/run"
}

# Prints the first free port from $1 on.
free_port() {
  local port=$1
  while is_taken "$port"; do port=$((port + 1)); done
  printf '%s\n' "$port"
}

# Does GET $2 on port $1 answer with 200?
answers() (
  exec 2>/dev/null
  exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
  printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nConnection: close\r\n\r\n' "$2" "$1" >&3
  read -r -t 2 line <&3 && [[ $line == "HTTP/1.1 200"* ]]
)
