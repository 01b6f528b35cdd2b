#!/bin/bash
# Builds the container image without a Docker daemon: an OCI layout in a new folder.
#
# Usage: build_image.sh FOLDER
#   Takes the programs that ./dev build made, or those that SWOOSHD and SWOOSHCTL name. Debian's
#   mirror must be reachable, or the one that SWOOSH_DEBIAN_MIRROR names: else exit code 3. Root is
#   not needed.
#
# In it are the two programs, the libraries that they load, and nothing else that runs: no shell, no
# package manager. The libraries come from the packages of runtime_packages.txt; those packages are
# recorded as distroless images do, so that scanners see them. With the same programs and packages
# the image has the same digest: its time is SOURCE_DATE_EPOCH, by default the last commit's.
set -euo pipefail
shopt -s inherit_errexit

readonly SUITE=bookworm
readonly USER_ID=7070
readonly EXIT_NO_PACKAGES=3
DEPLOY=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
SOURCE=$(dirname "$DEPLOY")
readonly DEPLOY SOURCE

if (($# != 1)) || [[ -e $1 ]]; then
  echo "Usage: build_image.sh FOLDER, which must not exist" >&2
  exit 2
fi
for program in mmdebstrap umoci; do
  if ! command -v "$program" >/dev/null; then
    echo "build_image.sh needs $program: apt-get install mmdebstrap umoci" >&2
    exit 1
  fi
done
readonly OUTPUT=$1
readonly SWOOSHD=${SWOOSHD:-$SOURCE/bazel-bin/server/swooshd}
readonly SWOOSHCTL=${SWOOSHCTL:-$SOURCE/bazel-bin/cli/swooshctl}
version=$("$SWOOSHD" --version)
readonly VERSION=${version##* }
committed=$(git -C "$SOURCE" log -1 --format=%ct 2>/dev/null || echo 0)
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$committed}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
readonly PACKAGES=$work/packages # unpacked, all of them
readonly ROOT=$work/root         # what goes into the image

# Unpacks the packages, with a record of each in usr/lib/swoosh-packages: its control file and the
# names of its files.
unpack_packages() {
  local names mode=auto
  # Nothing is run in what is unpacked.
  ((EUID == 0)) || mode=chrootless
  names=$(paste -sd, "$DEPLOY/runtime_packages.txt")
  # shellcheck disable=SC2016 # expanded by mmdebstrap's shell, where $1 is the root
  mmdebstrap --mode="$mode" --variant=extract --include="$names" --extract-hook='
      mkdir -p "$1/packages"
      for deb in "$1"/var/cache/apt/archives/*.deb; do
        name=$(dpkg-deb --field "$deb" Package)
        dpkg-deb --field "$deb" >"$1/packages/$name.control"
        dpkg-deb --fsys-tarfile "$deb" | tar t >"$1/packages/$name.files"
      done' \
    "$SUITE" "$work/packages.tar" ${SWOOSH_DEBIAN_MIRROR:+"$SWOOSH_DEBIAN_MIRROR"} \
    >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    grep -qE 'apt-get update .* failed|Failed to fetch' "$work/log" && return $EXIT_NO_PACKAGES
    return 1
  }
  mkdir "$PACKAGES"
  tar -C "$PACKAGES" -xf "$work/packages.tar" --exclude=./dev
}

# The shared libraries that a program loads, as paths below PACKAGES: by their own dynamic linker.
libraries_of() {
  local triplet folders linker found
  triplet=$(gcc -print-multiarch)
  folders=$PACKAGES/usr/lib/$triplet:$PACKAGES/lib/$triplet
  # amd64 has it in lib64, others in lib.
  linker=$(find "$PACKAGES"/lib64 "$PACKAGES"/lib -maxdepth 1 -name 'ld-linux*' -print -quit)
  found=$("$linker" --inhibit-cache --library-path "$folders" --list "$1")
  # linux-vdso is no file; the linker itself is named as the program asks for it.
  awk '$2 == "=>" && $3 ~ /^\// { print $3 } $1 ~ /^\// { print "'"$PACKAGES"'" $1 }' <<<"$found" |
    sed "s|^$PACKAGES$PACKAGES|$PACKAGES|"
}

# Copies a file into ROOT at the place that it has below PACKAGES, following links.
take() {
  local path=${1#"$PACKAGES"}
  install -D -m 644 "$PACKAGES$path" "$ROOT$path"
}

# The licence of a package and its record.
take_record() {
  local name=$1
  install -D -m 644 "$PACKAGES/packages/$name.control" "$ROOT/var/lib/dpkg/status.d/$name"
  take "$PACKAGES/usr/share/doc/$name/copyright"
}

# Each library that the programs load must be of a listed package, and each package have one.
take_libraries() {
  local libraries library name owner owners=()
  libraries=$(for program in "$ROOT/usr/bin"/*; do libraries_of "$program"; done | sort -u)
  while read -r library; do
    owner=
    while read -r name; do
      grep -qxF ".${library#"$PACKAGES"}" "$PACKAGES/packages/$name.files" && owner=$name && break
    done <"$DEPLOY/runtime_packages.txt"
    if [[ -z $owner ]]; then
      echo "$library is in no package of runtime_packages.txt" >&2
      return 1
    fi
    owners+=("$owner")
    take "$library"
    [[ ${library##*/} != ld-linux* ]] || chmod 755 "$ROOT${library#"$PACKAGES"}"
  done <<<"$libraries"
  while read -r name; do
    # base-files says which Debian it is.
    if [[ $name != base-files && " ${owners[*]} " != *" $name "* ]]; then
      echo "nothing loads a library of $name: take it out of runtime_packages.txt" >&2
      return 1
    fi
    take_record "$name"
  done <"$DEPLOY/runtime_packages.txt"
}

make_root() {
  mkdir -p "$ROOT"/{usr/bin,etc,tmp,proc,sys,dev}
  strip --strip-debug -o "$ROOT/usr/bin/swooshd" "$SWOOSHD"
  strip --strip-debug -o "$ROOT/usr/bin/swooshctl" "$SWOOSHCTL"
  chmod 755 "$ROOT"/usr/bin/*
  take_libraries
  take "$PACKAGES/etc/debian_version"
  take "$PACKAGES/usr/lib/os-release"
  ln -s ../usr/lib/os-release "$ROOT/etc/os-release"
  cat >"$ROOT/etc/passwd" <<PASSWD
root:x:0:0:root:/root:/usr/sbin/nologin
swoosh:x:$USER_ID:$USER_ID::/var/lib/swoosh:/usr/sbin/nologin
PASSWD
  printf 'root:x:0:\nswoosh:x:%s:\n' "$USER_ID" >"$ROOT/etc/group"
  find "$ROOT" -type d -exec chmod 755 {} +
  chmod 1777 "$ROOT/tmp"
}

make_layer() {
  local tar=(tar --sort=name --format=posix --pax-option=delete=atime,delete=ctime
    --mtime="@$SOURCE_DATE_EPOCH" --numeric-owner)
  "${tar[@]}" --owner=0 --group=0 -C "$ROOT" -cf "$work/layer.tar" .
  mkdir -p "$work/volume/var/lib/swoosh"
  chmod 750 "$work/volume/var/lib/swoosh"
  "${tar[@]}" --owner=$USER_ID --group=$USER_ID -C "$work/volume" -rf "$work/layer.tar" \
    ./var/lib/swoosh
}

make_image() {
  local time
  time=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
  umoci init --layout "$OUTPUT"
  umoci new --image "$OUTPUT:$VERSION"
  umoci raw add-layer --image "$OUTPUT:$VERSION" --history.created "$time" \
    --history.created_by deploy/build_image.sh "$work/layer.tar"
  umoci config --image "$OUTPUT:$VERSION" --created "$time" --history.created "$time" \
    --config.user "$USER_ID:$USER_ID" \
    --config.env PATH=/usr/bin \
    --config.env SWOOSH_DATA_DIR=/var/lib/swoosh \
    --config.volume /var/lib/swoosh \
    --config.workingdir /var/lib/swoosh \
    --config.exposedports 7070/tcp --config.exposedports 7071/tcp \
    --config.stopsignal SIGTERM \
    --config.entrypoint /usr/bin/swooshd
  umoci gc --layout "$OUTPUT"
}

unpack_packages
make_root
make_layer
make_image
echo "$OUTPUT:$VERSION"
