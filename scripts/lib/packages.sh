# Installs Debian packages from the lists in scripts/packages, when one is missing.
#
# A list's line:   <package>[|<other name>...] [cmd=<command>]   # why
# The first name that apt offers is installed (Debian releases differ in version suffixes);
# any of the names, or the command on the PATH, counts as there.

# Prints the lines of the lists $@, without comments.
package_lines() {
  local list
  for list in "$@"; do
    sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' "$root/scripts/packages/$list.txt"
  done
}

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | head -n 1)" = installed ]; }

# Prints those lines of the lists $@ that are not there yet.
missing_lines() {
  local names command name
  package_lines "$@" | while read -r names command; do
    [ -z "$command" ] || ! command -v "${command#cmd=}" >/dev/null 2>&1 || continue
    for name in ${names//|/ }; do
      ! is_installed "$name" || continue 2
    done
    say "$names"
  done
}

# Prints the first of a line's names that apt can install; nothing when it knows none.
offered() {
  local name
  for name in ${1//|/ }; do
    if grep -q 'Candidate: [^(]' <<<"$(apt-cache policy "$name" 2>/dev/null)"; then
      say "$name"
      return
    fi
  done
}

# apt-get as root, without questions.
apt_get() {
  local sudo=()
  [ "$(id -u)" -eq 0 ] || sudo=(sudo)
  ${sudo[@]+"${sudo[@]}"} env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 apt-get -q -y \
    -o Acquire::Retries=3 -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30 -o DPkg::Lock::Timeout=300 "$@"
}

# One try: chooses the names and installs them. $1 = update: asks the archive for its lists first.
try_install() {
  local line name chosen=()
  if [ "$1" = update ]; then apt_get update || return; fi
  while read -r line; do
    name=$(offered "$line")
    if [ -z "$name" ]; then
      say "apt knows no package named ${line//|/ or }"
      return 1
    fi
    chosen+=("$name")
  done <<<"$missing"
  apt_get install --no-install-recommends "${chosen[@]}"
}

# install_packages <list>...: when this returns, everything on the lists is there.
install_packages() {
  local missing words log=$logs/packages.log try
  if ! command -v dpkg-query >/dev/null; then
    command -v g++ >/dev/null && command -v cmake >/dev/null && command -v ninja >/dev/null ||
      fail "this system has no apt: install a C++20 compiler, cmake, ninja and the libraries named in scripts/packages by its own means, then run me again"
    return 0
  fi
  missing=$(missing_lines "$@")
  [ -n "$missing" ] || return 0
  words=$(sed 's/|.*//' <<<"$missing" | tr '\n' ' ')
  if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
    fail "packages are missing and neither root nor sudo is at hand to install them; ask an administrator to run: apt-get install --no-install-recommends $words"
  fi
  if [ "$(id -u)" -ne 0 ] && ! sudo -n true 2>/dev/null && ! sudo -v; then
    fail "packages are missing and sudo did not let this user install them; ask an administrator to run: apt-get install --no-install-recommends $words"
  fi
  mkdir -p "$logs"
  say "==> Installing packages: $words"
  : >"$log"
  # First with what apt knows already, then with fresh lists, later and later: an archive can be out for a moment.
  for try in "now 0" "update 0" "update 3" "update 10"; do
    sleep "${try#* }"
    if try_install "${try% *}" >>"$log" 2>&1 </dev/null; then
      missing=$(missing_lines "$@")
      [ -n "$missing" ] || return 0
    fi
  done
  if grep -qE 'resolving|Could not connect|Connection (failed|timed out|refused)|Unable to connect|Network is unreachable' "$log"; then
    fail "the package archive cannot be reached, and these packages are missing: ${words% }; check the network (or apt's proxy) and run me again"
  fi
  grep -E '^(E|W|Err)|knows no package' "$log" | tail -n 3 >&2 || true
  fail "apt could not install ${words% }; all it said is in ${log#"$root"/}"
}
