// The GPU's threads played by one thread of the CPU: a block's are contexts that run in turn from barrier to barrier.
// With `backwards` they run in the opposite order, so that what wants a barrier and has none gives other numbers.
#include <ucontext.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <vector>

#define __device__
#define __global__
#define __shared__
#define __launch_bounds__(threads)
struct Index {
    int x;
};
static Index threadIdx, blockIdx, blockDim;
double shared_memory[32768];

static std::vector<ucontext_t> contexts;
static std::vector<char> done;
static ucontext_t scheduler;

static void __syncthreads() { swapcontext(&contexts[threadIdx.x], &scheduler); }
static int atomicMin(int* place, int value) {
    int before = *place;
    if (value < before) *place = value;
    return before;
}

#include KERNELS

typedef void (*Kernel)(const float*, long long, const float*, long long, float*, long long);
static Kernel running;
static const float *crops_of, *inputs_of;
static float* outputs_of;
static long long crop_stride_of, input_stride_of, output_stride_of;

static void run_thread() {
    int own = threadIdx.x;
    running(crops_of, crop_stride_of, inputs_of, input_stride_of, outputs_of, output_stride_of);
    done[own] = 1;
}

extern "C" void launch(
    int kernel, int blocks, int threads, int backwards, const float* crops, long long crop_stride, const float* inputs,
    long long input_stride, float* outputs, long long output_stride
) {
    const size_t stack = 64 * 1024;
    running = kernel == 0 ? regress : fit;
    crops_of = crops, inputs_of = inputs, outputs_of = outputs;
    crop_stride_of = crop_stride, input_stride_of = input_stride, output_stride_of = output_stride;
    blockDim.x = threads;
    std::vector<char> stacks(stack * threads);
    for (int block = 0; block < blocks; block++) {
        blockIdx.x = block;
        std::memset(shared_memory, 0xff, sizeof(shared_memory));  // not a number, for what is read before it is written
        contexts.assign(threads, ucontext_t());
        done.assign(threads, 0);
        for (int t = 0; t < threads; t++) {
            getcontext(&contexts[t]);
            contexts[t].uc_stack.ss_sp = stacks.data() + stack * t;
            contexts[t].uc_stack.ss_size = stack;
            contexts[t].uc_link = &scheduler;
            makecontext(&contexts[t], run_thread, 0);
        }
        for (int left = threads; left > 0;) {
            left = 0;
            for (int n = 0; n < threads; n++) {
                int t = backwards ? threads - 1 - n : n;
                if (done[t]) continue;
                threadIdx.x = t;
                swapcontext(&scheduler, &contexts[t]);
                left += !done[t];
            }
        }
    }
}
