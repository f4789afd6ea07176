// All of the pose network behind its convolutions, a block of threads a crop: model.py and inverse.py in float32.
// Names in capitals come from head_source.py, which writes them and hand/gpu/hand_model.cu before this text.
//
// In: the votes' maps (N, 4 JOINTS, cells, cells) without what surface and bias add to them, the bottleneck
// (N, BOTTLENECK, ...), crops (N, S, S), distances (N,) m, the weights as head_row.py packs them.
// Out: rows of network/packing.py.

struct Head {
    float surface[CELLS], seen[CELLS];
    float greatest[JOINTS][SHARES], sums[JOINTS][SHARES][9];
    float votes[JOINTS][9];  // the sum of the weights; places u, v, d; squares of u, v; offsets u, v, d
    float pooled[BOTTLENECK], spread[JOINTS], coarse[JOINTS][3], joints[JOINTS][3], axes[ANGLES][3];
    float local[JOINTS][3], rotation[9], translation[3], angles[ANGLES], shape[SHAPE];
    float input[MOST_INPUTS], hidden[WIDEST], partial[THREADS], output[WIDEST], mean, deviation;
    Offsets<float> offsets;
};

static __device__ float silu(float x) { return x / (1.0f + exp(-x)); }

// A linear layer of weights (inputs, outputs) and behind them biases (outputs,), from shared memory to shared memory.
static __device__ void linear(Head& s, const float* input, int inputs, const float* weights, int outputs, float* out) {
    for (int first = 0; first < outputs; first += blockDim.x) {
        int wanted = outputs - first < blockDim.x ? outputs - first : blockDim.x, shares = blockDim.x / wanted;
        shares = shares < SHARES ? shares : SHARES;
        int own = threadIdx.x % wanted, share = threadIdx.x / wanted;
        if (share < shares) {
            float total = 0.0f;
#pragma unroll 8
            for (int i = share; i < inputs; i += shares) total += input[i] * weights[i * outputs + first + own];
            s.partial[share * wanted + own] = total;
        }
        __syncthreads();
        EACH(o, wanted) {
            float total = weights[inputs * outputs + first + o];
            for (int n = 0; n < shares; n++) total += s.partial[n * wanted + o];
            out[first + o] = total;
        }
        __syncthreads();
    }
}

static __device__ void activate(float* values, int count) {
    EACH(i, count) values[i] = silu(values[i]);
    __syncthreads();
}

// Layer normalisation with scales and behind them shifts, then SiLU.
static __device__ void normalise(Head& s, float* values, int count, const float* weights) {
    for (int round = 0; round < 2; round++) {
        EACH(t, SHARES) {
            float total = 0.0f;
            for (int i = t; i < count; i += SHARES) {
                float off = round ? values[i] - s.mean : values[i];
                total += round ? off * off : off;
            }
            s.partial[t] = total;
        }
        __syncthreads();
        EACH(t, 1) {
            float total = 0.0f;
            for (int n = 0; n < SHARES; n++) total += s.partial[n];
            if (round) s.deviation = sqrt(total / count + 1e-5f);
            else s.mean = total / count;
        }
        __syncthreads();
    }
    EACH(i, count) values[i] = silu((values[i] - s.mean) / s.deviation * weights[i] + weights[count + i]);
    __syncthreads();
}

static __device__ void unit(float* v) {
    float length = norm3(v[0], v[1], v[2]);
    length = length > 1e-8f ? length : 1e-8f;
    for (int k = 0; k < 3; k++) v[k] /= length;
}

// The 6D form (6,) -> rotation (9,).
static __device__ void from_sixd(const float* sixd, float* out) {
    float x[3] = {sixd[0], sixd[1], sixd[2]}, y[3] = {sixd[3], sixd[4], sixd[5]};
    unit(x);
    float along = x[0] * y[0] + x[1] * y[1] + x[2] * y[2];
    for (int k = 0; k < 3; k++) y[k] -= along * x[k];
    unit(y);
    for (int k = 0; k < 3; k++) {
        int a = (k + 1) % 3, b = (k + 2) % 3;
        out[3 * k] = x[k], out[3 * k + 1] = y[k], out[3 * k + 2] = x[a] * y[b] - x[b] * y[a];
    }
}

// A joint's maps (0: the weight's logarithm, 1 to 3: offsets) with what surface and bias add to them.
struct Votes {
    const float* maps;
    long long cell;
    float of_surface, of_seen, bias;

    __device__ Votes(const float* of, long long channel, long long cell_stride, const float* weights, int k, int j) {
        const float* extra = weights + VOTES_AT + 3 * (k * JOINTS + j);
        maps = of + (k * JOINTS + j) * channel, cell = cell_stride;
        of_surface = extra[0], of_seen = extra[1], bias = extra[2];
    }

    __device__ float at(const Head& s, int c) const {
        return maps[c * cell] + of_surface * s.surface[c] + of_seen * s.seen[c] + bias;
    }
};

static __device__ void read_votes(
    Head& s, const float* maps, long long channel, long long cell, const float* crop, const float* weights
) {
    EACH(c, CELLS) {
        float nearest = 1e30f;
        for (int p = 0; p < 16; p++) {
            int row = c / EDGE * 4 + p / 4, column = c % EDGE * 4 + p % 4;
            float d = crop[row * SIZE + column];
            nearest = d < nearest ? d : nearest;
        }
        s.seen[c] = nearest < NOTHING_FROM ? 1.0f : 0.0f;
        s.surface[c] = nearest * s.seen[c];
    }
    __syncthreads();
    EACH(t, JOINTS * SHARES) {
        int j = t % JOINTS, share = t / JOINTS;
        float most = -1e30f;
        Votes attention(maps, channel, cell, weights, 0, j);
        for (int c = share; c < CELLS; c += SHARES) {
            float value = attention.at(s, c);
            most = value > most ? value : most;
        }
        s.greatest[j][share] = most;
    }
    __syncthreads();
    EACH(t, JOINTS * SHARES) {
        int j = t % JOINTS, share = t / JOINTS;
        float most = s.greatest[j][0], sums[9] = {};
        for (int n = 1; n < SHARES; n++) most = s.greatest[j][n] > most ? s.greatest[j][n] : most;
        Votes attention(maps, channel, cell, weights, 0, j), u_offset(maps, channel, cell, weights, 1, j);
        Votes v_offset(maps, channel, cell, weights, 2, j), d_offset(maps, channel, cell, weights, 3, j);
        for (int c = share; c < CELLS; c += SHARES) {
            float weight = exp(attention.at(s, c) - most);
            float u = (2 * (c % EDGE) + 1) / (float)EDGE - 1.0f, v = (2 * (c / EDGE) + 1) / (float)EDGE - 1.0f;
            sums[0] += weight;
            sums[1] += weight * u, sums[2] += weight * v, sums[3] += weight * s.surface[c];
            sums[4] += weight * u * u, sums[5] += weight * v * v;
            sums[6] += weight * u_offset.at(s, c), sums[7] += weight * v_offset.at(s, c);
            sums[8] += weight * d_offset.at(s, c);
        }
        for (int n = 0; n < 9; n++) s.sums[j][share][n] = sums[n];
    }
    __syncthreads();
    EACH(t, JOINTS * 9) {
        float total = 0.0f;
        for (int n = 0; n < SHARES; n++) total += s.sums[t / 9][n][t % 9];
        s.votes[t / 9][t % 9] = total;
    }
    __syncthreads();
}

static __device__ void coarse_joints(Head& s, float distance) {
    EACH(j, JOINTS) {
        const float* sums = s.votes[j];
        float total = sums[0], u = sums[1] / total, v = sums[2] / total;
        float variance = sums[4] / total - u * u + (sums[5] / total - v * v);
        s.spread[j] = SPREAD_SCALE * log((variance > 0.0f ? variance : 0.0f) + SPREAD_FLOOR);
        float depth = (sums[3] / total + sums[8] / total * VOTE_SCALE) * HALF_M;
        float across = 1.0f + depth / distance;
        s.coarse[j][0] = (u + sums[6] / total * VOTE_SCALE) * HALF_M * across;
        s.coarse[j][1] = (v + sums[7] / total * VOTE_SCALE) * HALF_M * across;
        s.coarse[j][2] = depth;
    }
    __syncthreads();
    EACH(t, 1) {
        float sixd[6];
        for (int n = 0; n < 6; n++) {
            float total = 0.0f;
            for (int j = 0; j < JOINTS; j++) total += (float)PALM_AXES[n / 3][j] * s.coarse[j][n % 3];
            sixd[n] = total / UNIT_M;
        }
        from_sixd(sixd, s.rotation);
    }
    EACH(k, 3) s.translation[k] = s.coarse[0][k];
    EACH(i, ANGLES) s.angles[i] = (float)RESTING[i];
    EACH(i, SHAPE) s.shape[i] = 0.0f;
    __syncthreads();
}

static __device__ void place(Head& s) {
    EACH(f, 6) place_part(f, s.rotation, s.translation, s.angles, s.shape, s.offsets, s.joints, s.axes);
    __syncthreads();
}

// What the first step sees, and what the later ones see, into s.input; how many numbers.
static __device__ int step_input(Head& s, int step) {
    EACH(t, JOINTS * 3) {
        int j = t / 3, k = t % 3;
        float total = 0.0f;
        for (int i = 0; i < 3; i++)
            total += (s.coarse[j][i] - (step ? s.joints[j][i] : s.translation[i])) * s.rotation[3 * i + k];
        s.local[j][k] = total / UNIT_M;
    }
    __syncthreads();
    int at = JOINTS * 3;
    EACH(t, at) s.input[t] = step ? REST_FACTOR * s.local[t / 3][t % 3] : s.local[t / 3][t % 3];
    if (step) {
        EACH(i, ANGLES) s.input[at + i] = s.angles[i];
        EACH(i, SHAPE) s.input[at + ANGLES + i] = REST_FACTOR * s.shape[i];
        EACH(i, HIDDEN) s.input[at + ANGLES + SHAPE + i] = s.hidden[i];
        __syncthreads();
        return at + ANGLES + SHAPE + HIDDEN;
    }
    EACH(b, BONES) {
        const float *near = s.local[BONE_PARENTS[b]], *far = s.local[BONE_CHILDREN[b]];
        float bone[3], square = 1e-6f;
        for (int k = 0; k < 3; k++) bone[k] = far[k] - near[k], square += bone[k] * bone[k];
        float length = sqrt(square);
        for (int k = 0; k < 3; k++) s.input[at + 3 * b + k] = bone[k] / length;
        s.input[at + 3 * BONES + b] = length;
    }
    at += 4 * BONES;
    EACH(c, BOTTLENECK) s.input[at + c] = s.pooled[c];
    EACH(j, JOINTS) s.input[at + BOTTLENECK + j] = s.spread[j];
    __syncthreads();
    return at + BOTTLENECK + JOINTS;
}

static __device__ void apply_step(Head& s) {
    EACH(t, 1) {
        float sixd[6], turn[9], before[9], moved[3];
        for (int n = 0; n < 6; n++) sixd[n] = (n == 0 || n == 4 ? 1.0f : 0.0f) + s.output[n];
        from_sixd(sixd, turn);
        for (int n = 0; n < 9; n++) before[n] = s.rotation[n];
        for (int k = 0; k < 3; k++) {
            moved[k] = 0.0f;
            for (int i = 0; i < 3; i++) moved[k] += before[3 * k + i] * s.output[6 + i];
            for (int c = 0; c < 3; c++) {
                float total = 0.0f;
                for (int i = 0; i < 3; i++) total += before[3 * k + i] * turn[3 * i + c];
                s.rotation[3 * k + c] = total;
            }
        }
        for (int k = 0; k < 3; k++) s.translation[k] += moved[k] * UNIT_M;
    }
    EACH(i, ANGLES) s.angles[i] += s.output[9 + i];
    EACH(i, SHAPE) s.shape[i] += SHAPE_SCALE * s.output[9 + ANGLES + i];
    __syncthreads();
}

// A head of two layers on s.input, into s.output.
static __device__ void cue_head(Head& s, const float* weights, int inputs, int outputs) {
    linear(s, s.input, inputs, weights, CUES, s.hidden);
    activate(s.hidden, CUES);
    linear(s, s.hidden, CUES, weights + (inputs + 1) * CUES, outputs, s.output);
}

extern "C" __global__ void __launch_bounds__(THREADS) head(
    const float* maps, long long map_stride, long long channel, long long cell, const float* bottleneck,
    long long bottleneck_stride, long long bottleneck_channel, long long bottleneck_cell, const float* crops,
    long long crop_stride, const float* distances, long long distance_stride, const float* weights, float* out,
    long long out_stride
) {
    extern __shared__ double shared_memory[];
    Head& s = *reinterpret_cast<Head*>(shared_memory);
    long long index = blockIdx.x;
    float* row = out + index * out_stride;
    EACH(c, BOTTLENECK) {
        float total = 0.0f;
        for (int p = 0; p < BOTTLENECK_CELLS; p++)
            total += bottleneck[index * bottleneck_stride + c * bottleneck_channel + p * bottleneck_cell];
        s.pooled[c] = total / BOTTLENECK_CELLS;
    }
    read_votes(s, maps + index * map_stride, channel, cell, crops + index * crop_stride, weights);
    coarse_joints(s, distances[index * distance_stride]);
    for (int step = 0; step < STEPS; step++) {
        if (step) place(s);
        int inputs = step_input(s, step);
        const float* layer = weights + STEP_AT[step];
        linear(s, s.input, inputs, layer, HIDDEN, s.output);
        layer += (inputs + 1) * HIDDEN;
        normalise(s, s.output, HIDDEN, layer);
        linear(s, s.output, HIDDEN, layer + 2 * HIDDEN, HIDDEN, s.hidden);
        activate(s.hidden, HIDDEN);
        layer += 2 * HIDDEN + (HIDDEN + 1) * HIDDEN;
        linear(s, s.hidden, HIDDEN, layer, 9 + ANGLES + SHAPE, s.output);
        apply_step(s);
    }
    EACH(i, ANGLES) s.angles[i] = limited(s.angles[i], (float)LIMITS[i][0], (float)LIMITS[i][1]);
    EACH(i, SHAPE) s.shape[i] = limited(s.shape[i], (float)-INFERRED_SHAPE_LIMIT, (float)INFERRED_SHAPE_LIMIT);
    __syncthreads();
    place(s);
    EACH(i, HIDDEN) s.input[i] = s.hidden[i];
    EACH(j, JOINTS) {
        const float *a = s.joints[j], *b = s.coarse[j];
        s.input[HIDDEN + j] = s.spread[j];
        s.input[HIDDEN + JOINTS + j] = norm3(a[0] - b[0], a[1] - b[1], a[2] - b[2]) / SIGMA_UNIT_M;
        for (int k = 0; k < 3; k++) row[3 * j + k] = b[k], row[3 * JOINTS + 3 * j + k] = a[k];
    }
    int at = 6 * JOINTS;
    EACH(i, 9) row[at + JOINTS + i] = s.rotation[i];
    EACH(i, 3) row[at + JOINTS + 9 + i] = s.translation[i];
    EACH(i, ANGLES) row[at + JOINTS + 12 + i] = s.angles[i];
    EACH(i, SHAPE) row[at + JOINTS + 12 + ANGLES + i] = s.shape[i];
    __syncthreads();
    const int cues = HIDDEN + 2 * JOINTS, last = at + JOINTS + 12 + ANGLES + SHAPE;
    cue_head(s, weights + SIGMA_AT, cues, JOINTS);
    EACH(j, JOINTS) row[at + j] = SIGMA_UNIT_M * exp(limited(s.output[j], LOWEST_SIGMA_LOG, HIGHEST_SIGMA_LOG));
    __syncthreads();
    if (PRESENCE_AT >= 0) cue_head(s, weights + PRESENCE_AT, cues, 1);
    EACH(t, 1) row[last] = PRESENCE_AT >= 0 ? s.output[0] : (float)(INFINITE - INFINITE);
    __syncthreads();
    if (HANDEDNESS_AT >= 0) cue_head(s, weights + HANDEDNESS_AT, cues, 1);
    EACH(t, 1) row[last + 1] = HANDEDNESS_AT >= 0 ? s.output[0] : (float)(INFINITE - INFINITE);
}

// Bytes of memory that a block shares: the host asks for it.
extern "C" __device__ unsigned long long SIZES[1] = {sizeof(Head)};
