# Sourced: lets the tests compile the CUDA kernels. NVRTC needs no GPU; where it is not installed, and there is a
# python3 with pip, it is put into the user's cache folder, once: the newest that Baton knows for BATON_CUDA_LIBRARIES, and
# the oldest that it supports for BATON_OLDEST_CUDA_LIBRARIES.

# install_nvrtc NAME PACKAGE...: sets $folder to where libnvrtc is, or to nothing
install_nvrtc() {
  local cache=${XDG_CACHE_HOME:-$HOME/.cache}/baton/nvrtc-$1
  folder=
  if [ ! -e "$cache/installed" ]; then
    if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
      echo "The CUDA kernels are compiled in the tests only if NVRTC is installed or python3 can install it" \
        "(python3 with venv and pip)." >&2
      return
    fi
    echo "Installing NVRTC $1 into $cache (once; to compile the CUDA kernels in the tests) ..." >&2
    rm -rf "$cache"
    mkdir -p "$cache"
    if ! { python3 -m venv "$cache/venv" &&
      "$cache/venv/bin/pip" -q --disable-pip-version-check install "${@:2}"; } >&2; then
      echo "NVRTC $1 could not be installed." >&2
      return
    fi
    touch "$cache/installed"
  fi
  folder=$(find "$cache/venv" -name 'libnvrtc.so.*' -printf '%h\n' -quit)
}

find_nvrtc() {
  local folder
  if [ -z "${BATON_CUDA_LIBRARIES:-}" ]; then
    install_nvrtc 13.0 nvidia-cuda-nvrtc==13.0.88 nvidia-cuda-runtime==13.0.96
    [ -z "$folder" ] || export BATON_CUDA_LIBRARIES=$folder
  fi
  if [ -z "${BATON_OLDEST_CUDA_LIBRARIES:-}" ]; then
    install_nvrtc 12.0 nvidia-cuda-nvrtc-cu12==12.0.140 nvidia-cuda-runtime-cu12==12.0.146
    [ -z "$folder" ] || export BATON_OLDEST_CUDA_LIBRARIES=$folder
  fi
}

find_nvrtc
