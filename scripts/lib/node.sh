# npm packages of one folder.

# install_node_packages <folder>: does nothing when node_modules is as new as what it was made from.
install_node_packages() {
  local folder=$1 stamp=$1/node_modules/.installed try
  [ -f "$folder/package.json" ] || return 0
  if [ -f "$stamp" ] && [ ! "$folder/package.json" -nt "$stamp" ] && [ ! "$folder/package-lock.json" -nt "$stamp" ]; then
    return 0
  fi
  local how=install
  [ ! -f "$folder/package-lock.json" ] || how=ci
  # The registry can be out for a moment, or stop in the middle of an answer.
  for try in 0 3 10; do
    sleep "$try"
    if timeout 600 npm --prefix "$folder" $how --no-audit --no-fund; then
      touch "$stamp"
      return 0
    fi
  done
  say "npm could not install the packages of ${folder#"$root"/}: is the network (or npm's proxy) there?"
  return 1
}
