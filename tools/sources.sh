# Sourced by the lint and format scripts, in the root of the tree.

# Our own files with one of the given endings, one a line: those under version control and new ones.
sources_with() {
  local ending patterns=()
  for ending in "$@"; do patterns+=("*$ending"); done
  if git rev-parse --git-dir >/dev/null 2>&1; then
    git ls-files --cached --others --exclude-standard --deduplicate -- "${patterns[@]}" |
      while IFS= read -r file; do [[ -f $file ]] && echo "$file"; done
  else
    # A copy without its history.
    for ending in "$@"; do
      find . -name "*$ending" -not -path './bazel-*' -not -path '*/node_modules/*' -printf '%P\n'
    done
  fi | LC_ALL=C sort
}
