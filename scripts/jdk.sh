# Sourced: sets JAVA_HOME to a JDK 25 or later, or explains what to install.
# Looked at in this order: JAVA_HOME, the java on the PATH, the usual folders.

jdk_version() { # FOLDER: prints the feature number of a JDK (a folder with javac), nothing for others
  [ -x "$1/bin/javac" ] && sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$1/release" 2>/dev/null
}

find_jdk() {
  local on_path candidate version
  on_path=$(command -v java) && on_path=$(dirname "$(dirname "$(readlink -f "$on_path")")")
  for candidate in "${JAVA_HOME:-}" "${on_path:-}" /usr/lib/jvm/* /opt/java/* /opt/jdk* \
    "$HOME"/.sdkman/candidates/java/* "$HOME"/.jdks/* \
    /Library/Java/JavaVirtualMachines/*/Contents/Home; do
    [ -n "$candidate" ] && [ -d "$candidate" ] || continue
    version=$(jdk_version "$candidate") || continue
    if [ "${version:-0}" -ge 25 ]; then
      export JAVA_HOME=$candidate PATH="$candidate/bin:$PATH"
      return
    fi
  done
  echo "Baton needs a JDK 25 or later (not just a JRE), and found none in JAVA_HOME, on the PATH or in" \
    "the usual folders. Install one (for example Eclipse Temurin 25) or set JAVA_HOME to it." >&2
  exit 1
}

# Maven's own libraries use what JDK 25 warns about.
export MAVEN_OPTS="--sun-misc-unsafe-memory-access=allow ${MAVEN_OPTS:-}"

need_maven() {
  command -v mvn >/dev/null || {
    echo "Baton is built with Maven, and 'mvn' is not on the PATH: install Maven 3.8 or later." >&2
    exit 1
  }
}

find_jdk
