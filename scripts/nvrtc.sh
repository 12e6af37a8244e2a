# Sourced: lets the tests compile the CUDA kernels. NVRTC needs no GPU; where it is not installed, and there is a
# python3 with pip, it is put into the user's cache folder, once.

find_nvrtc() {
  local version=13.0 cache folder
  [ -n "${BATON_CUDA_LIBRARIES:-}" ] && return
  cache=${XDG_CACHE_HOME:-$HOME/.cache}/baton/nvrtc-$version
  if [ ! -e "$cache/installed" ]; then
    if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
      echo "The CUDA kernels are compiled in the tests only if NVRTC is installed or python3 can install it" \
        "(python3 with venv and pip)." >&2
      return
    fi
    echo "Installing NVRTC $version into $cache (once; to compile the CUDA kernels in the tests) ..." >&2
    rm -rf "$cache"
    mkdir -p "$cache"
    if ! { python3 -m venv "$cache/venv" && "$cache/venv/bin/pip" -q --disable-pip-version-check install \
      nvidia-cuda-nvrtc==13.0.88 nvidia-cuda-runtime==13.0.96; } >&2; then
      echo "NVRTC could not be installed." >&2
      return
    fi
    touch "$cache/installed"
  fi
  folder=$(find "$cache/venv" -name 'libnvrtc.so.*' -printf '%h\n' -quit)
  export BATON_CUDA_LIBRARIES=$folder
}

find_nvrtc
