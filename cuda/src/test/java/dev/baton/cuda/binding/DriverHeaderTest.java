package dev.baton.cuda.binding;

import static org.assertj.core.api.Assertions.assertThat;

import dev.baton.cuda.kernel.Compilers;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * The numbers of the binding against cuda.h of the oldest and the newest CUDA: sizes, offsets,
 * enumerators and the parameters of functions that have changed in the past.
 */
class DriverHeaderTest {
  private static final String NUMBERS =
      """
      #include <cuda.h>
      #define IS(what, value) static_assert((long long)(what) == (value), #what)
      #define AT(type, member) __INTADDR__(&((type*)0)->member)
      IS(sizeof(CUlaunchConfig), %d);
      IS(AT(CUlaunchConfig, gridDimX), 0);
      IS(AT(CUlaunchConfig, blockDimZ), 20);
      IS(AT(CUlaunchConfig, sharedMemBytes), %d);
      IS(AT(CUlaunchConfig, hStream), %d);
      IS(AT(CUlaunchConfig, attrs), %d);
      IS(AT(CUlaunchConfig, numAttrs), %d);
      IS(sizeof(CUlaunchAttribute), %d);
      IS(AT(CUlaunchAttribute, value), %d);
      IS(CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION, %d);
      IS(CUDA_ERROR_NOT_READY, %d);
      IS(CUDA_ERROR_OUT_OF_MEMORY, %d);
      IS(CU_STREAM_NON_BLOCKING, %d);
      IS(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, %d);
      IS(CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT, %d);
      IS(CU_STREAM_CAPTURE_MODE_RELAXED, %d);
      IS(CU_EVENT_DISABLE_TIMING, %d);
      IS(CU_EVENT_BLOCKING_SYNC, %d);
      IS(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, %d);
      IS(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, %d);
      IS(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, %d);
      IS(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, %d);
      IS(sizeof(CUtensorMap), %d);
      IS(CU_TENSOR_MAP_DATA_TYPE_UINT16, %d);
      IS(CU_TENSOR_MAP_INTERLEAVE_NONE, %d);
      IS(CU_TENSOR_MAP_SWIZZLE_128B, %d);
      IS(CU_TENSOR_MAP_L2_PROMOTION_L2_256B, %d);
      IS(CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE, %d);
      IS(sizeof(CUdeviceptr), 8);
      IS(sizeof(CUdevice), 4);
      """
          .formatted(
              Launcher.CONFIG_BYTES,
              Launcher.SHARED_BYTES,
              Launcher.STREAM,
              Launcher.ATTRIBUTES,
              Launcher.ATTRIBUTE_COUNT,
              Launcher.ATTRIBUTE_BYTES,
              Launcher.ATTRIBUTE_VALUE,
              Launcher.PROGRAMMATIC_SERIALIZATION,
              Driver.NOT_READY,
              Driver.OUT_OF_MEMORY,
              Driver.STREAM_NON_BLOCKING,
              Driver.FUNCTION_DYNAMIC_SHARED,
              Driver.FUNCTION_SHARED_SHARE,
              Driver.CAPTURE_RELAXED,
              Driver.EVENT_NO_TIMING,
              Driver.EVENT_BLOCKING,
              Driver.MULTIPROCESSORS,
              Driver.SHARED_MEMORY,
              Driver.COMPUTE_MAJOR,
              Driver.COMPUTE_MINOR,
              Driver.TENSOR_MAP_BYTES,
              Driver.TENSOR_UINT16,
              Driver.TENSOR_NOT_INTERLEAVED,
              Driver.TENSOR_SWIZZLE_128,
              Driver.TENSOR_L2_256,
              Driver.TENSOR_FILL_ZEROS);

  private static final String PARAMETERS =
      """
      template <class A, class B> struct same { static const bool yes = false; };
      template <class A> struct same<A, A> { static const bool yes = true; };
      #define TAKES(function, ...) \\
        static_assert(same<decltype(&function), CUresult (*)(__VA_ARGS__)>::yes, #function)
      TAKES(cuDeviceGetPCIBusId, char*, int, CUdevice);
      TAKES(cuDevicePrimaryCtxRelease_v2, CUdevice);
      TAKES(cuMemGetInfo_v2, size_t*, size_t*);
      TAKES(cuMemAlloc_v2, CUdeviceptr*, size_t);
      TAKES(cuMemHostAlloc, void**, size_t, unsigned int);
      TAKES(cuMemcpyHtoDAsync_v2, CUdeviceptr, const void*, size_t, CUstream);
      TAKES(cuMemcpyDtoHAsync_v2, void*, CUdeviceptr, size_t, CUstream);
      TAKES(cuMemcpyDtoDAsync_v2, CUdeviceptr, CUdeviceptr, size_t, CUstream);
      TAKES(cuMemsetD8Async, CUdeviceptr, unsigned char, size_t, CUstream);
      TAKES(cuMemsetD32Async, CUdeviceptr, unsigned int, size_t, CUstream);
      TAKES(cuStreamWaitEvent, CUstream, CUevent, unsigned int);
      TAKES(cuStreamBeginCapture_v2, CUstream, CUstreamCaptureMode);
      TAKES(cuStreamEndCapture, CUstream, CUgraph*);
      TAKES(cuGraphInstantiateWithFlags, CUgraphExec*, CUgraph, unsigned long long);
      TAKES(cuGraphLaunch, CUgraphExec, CUstream);
      TAKES(cuModuleLoadData, CUmodule*, const void*);
      TAKES(cuFuncSetAttribute, CUfunction, CUfunction_attribute, int);
      TAKES(cuTensorMapEncodeTiled, CUtensorMap*, CUtensorMapDataType, unsigned int, void*,
          const cuuint64_t*, const cuuint64_t*, const cuuint32_t*, const cuuint32_t*,
          CUtensorMapInterleave, CUtensorMapSwizzle, CUtensorMapL2promotion,
          CUtensorMapFloatOOBfill);
      TAKES(cuLaunchKernelEx, const CUlaunchConfig*, CUfunction, void**, void**);
      """;

  /** What cuda.h includes and the compiler does not have. */
  private static final Map<String, String> INCLUDED =
      Map.of(
          "stdlib.h", "",
          "stddef.h", "",
          "stdint.h", "typedef unsigned int uint32_t; typedef unsigned long long uint64_t;");

  @Test
  void theBindingsNumbersAreTheHeaders() {
    Compilers.headers()
        .forEach(
            (folder, compiler) ->
                assertThat(
                        Nvrtc.load(compiler)
                            .compile(
                                "numbers.cu",
                                NUMBERS + PARAMETERS,
                                INCLUDED,
                                List.of(
                                    "-arch=sm_90",
                                    "--std=c++17",
                                    "-default-device",
                                    "-I" + folder)))
                    .isNotEmpty());
  }
}
