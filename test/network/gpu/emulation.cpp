// The GPU's threads played by one thread of the CPU: a block's are contexts that run in turn from barrier to barrier.
// With `backwards` they run in the opposite order, so that what wants a barrier and has none gives other numbers.
#include <ucontext.h>

#include <math.h>

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

typedef long long Word;  // a pointer or a number
typedef void (*Kernel)(Word, Word, Word, Word, Word, Word, Word, Word, Word, Word, Word, Word, Word, Word, Word, Word);
static Kernel running;
static const Word* words;

static void run_thread() {
    int own = threadIdx.x;
    const Word* w = words;
    running(w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8], w[9], w[10], w[11], w[12], w[13], w[14], w[15]);
    done[own] = 1;
}

// arguments (16,): what the kernel does not take is not looked at.
extern "C" void launch(Word kernel, int blocks, int threads, int backwards, const Word* arguments) {
    const size_t stack = 64 * 1024;
    running = (Kernel)kernel, words = arguments;
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
