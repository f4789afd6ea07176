// The regression from palm to tips (regressor.py, energy.py): in Input.joints, out Output.joints.

#define SHARES 8  // among which a joint's candidates are divided where they are summed

struct Regression {
    double refined[JOINTS][3], network[JOINTS][3], spread[JOINTS][3], lengths[JOINTS];
    double anchor[MOST_LAYER][3], energies[MOST_LAYER][CANDIDATES];
    int least[MOST_LAYER][SHARES];
    double sums[MOST_LAYER][SHARES][4];
    Offsets<double> offsets;
};

static __device__ double length_cost(double length, double expected) {
    double z = (length - expected) / LENGTH_M;
    return -exp(-0.5 * z * z);
}

static __device__ double joint_energy(
    const Regression& s, const float* crop, double distance, double half, int joint, const double* place, bool later
) {
    double x = place[0], y = place[1], z = place[2], total = 0.0;
    double depth = distance + z, scale = distance / (half * (depth > 1e-6 ? depth : 1e-6));
    double column = floor((x * scale + 1.0) * 0.5 * SIZE), row = floor((y * scale + 1.0) * 0.5 * SIZE);
    bool inside = column >= 0.0 && column < SIZE && row >= 0.0 && row < SIZE;
    float seen = inside ? crop[(int)row * SIZE + (int)column] : 1.0f;
    if (BACKGROUND > 0.0) total += BACKGROUND * (seen >= 1.0f ? 1.0 : 0.0);
    if (seen < 1.0f) {
        double below = z - seen * half;
        if (below < NEAREST_M[joint]) {
            double before = (NEAREST_M[joint] - below) / SOFTNESS_M, cost = before * before;
            total += FREE_SPACE * (cost < FREE_SPACE_MOST ? cost : FREE_SPACE_MOST);
        }
        total += OCCLUDED * limited((below - DEEPEST_M[joint]) / SOFTNESS_M, 0.0, 1.0);
    }
    int parent = JOINT_PARENTS[joint], next = FOLLOWING[joint];
    if (BONE_LENGTH > 0.0) {
        const double* p = s.refined[parent >= 0 ? parent : 0];
        if (parent >= 0)
            total += BONE_LENGTH * length_cost(norm3(x - p[0], y - p[1], z - p[2]), s.lengths[joint]);
        if (later && next >= 0) {
            const double* q = s.refined[next];
            total += BONE_LENGTH * length_cost(norm3(x - q[0], y - q[1], z - q[2]), s.lengths[next]);
        }
    }
    return total;
}

static __device__ void candidate(const Regression& s, int layer_joint, int joint, int m, bool later, double* place) {
    for (int k = 0; k < 3; k++) {
        double start = later ? s.refined[joint][k] : s.anchor[layer_joint][k];
        place[k] = start + CANDIDATE_OFFSETS[m][k] * s.spread[joint][k];
    }
}

static __device__ void regress_layer(Regression& s, const float* crop, const Input& in, int layer, bool later) {
    int first = LAYER_FIRST[layer], count = LAYER_FIRST[layer + 1] - first;
    EACH(t, count * 3) {
        int joint = LAYER_JOINTS[first + t / 3], k = t % 3, parent = JOINT_PARENTS[joint];
        double anchor = s.network[joint][k];
        if (parent >= 0) anchor += FOLLOW * (s.refined[parent][k] - s.network[parent][k]);
        s.anchor[t / 3][k] = anchor;
    }
    __syncthreads();
    EACH(t, count * CANDIDATES) {
        int i = t / CANDIDATES, m = t % CANDIDATES, joint = LAYER_JOINTS[first + i];
        double place[3];
        candidate(s, i, joint, m, later, place);
        double x = place[0] - s.anchor[i][0], y = place[1] - s.anchor[i][1], z = place[2] - s.anchor[i][2];
        double lateral = s.spread[joint][0], deep = s.spread[joint][2];
        double network = 0.5 * ((x * x + y * y) / (lateral * lateral) + z * z / (deep * deep));
        s.energies[i][m] = NETWORK * network + joint_energy(s, crop, in.distance, in.half, joint, place, later);
    }
    __syncthreads();
    EACH(t, count * SHARES) {
        int i = t / SHARES, best = t % SHARES;
        for (int m = best; m < CANDIDATES; m += SHARES)
            if (s.energies[i][m] < s.energies[i][best]) best = m;
        s.least[i][t % SHARES] = best;
    }
    __syncthreads();
    EACH(t, count * SHARES) {
        int i = t / SHARES, joint = LAYER_JOINTS[first + i], best = s.least[i][0];
        for (int n = 1; n < SHARES; n++) {
            int other = s.least[i][n];
            double gain = s.energies[i][best] - s.energies[i][other];
            if (gain > 0.0 || (gain == 0.0 && other < best)) best = other;
        }
        double total = 0.0, sum[3] = {0.0, 0.0, 0.0};
        for (int m = t % SHARES; m < CANDIDATES; m += SHARES) {
            double share = TEMPERATURE > 0.0 ? exp((s.energies[i][best] - s.energies[i][m]) / TEMPERATURE) : m == best;
            double place[3];
            candidate(s, i, joint, m, later, place);
            total += share;
            for (int k = 0; k < 3; k++) sum[k] += share * place[k];
        }
        s.sums[i][t % SHARES][3] = total;
        for (int k = 0; k < 3; k++) s.sums[i][t % SHARES][k] = sum[k];
    }
    __syncthreads();
    EACH(t, count * 3) {
        int i = t / 3, k = t % 3;
        double total = 0.0, sum = 0.0;
        for (int n = 0; n < SHARES; n++) total += s.sums[i][n][3], sum += s.sums[i][n][k];
        s.refined[LAYER_JOINTS[first + i]][k] = sum / total;
    }
    __syncthreads();
}

extern "C" __global__ void __launch_bounds__(THREADS) regress(
    const float* crops, long long crop_stride, const float* inputs, long long input_stride, float* outputs,
    long long output_stride
) {
    extern __shared__ double shared_memory[];
    Regression& s = *reinterpret_cast<Regression*>(shared_memory);
    const float* crop = crops + blockIdx.x * crop_stride;
    const Input& in = *reinterpret_cast<const Input*>(inputs + blockIdx.x * input_stride);
    Output& out = *reinterpret_cast<Output*>(outputs + blockIdx.x * output_stride);

    EACH(j, JOINTS) {
        double error = limited(in.sigma[j], LEAST_SIGMA_M, LARGEST_SIGMA_M);
        s.spread[j][0] = s.spread[j][1] = error * LATERAL_SHARE;
        s.spread[j][2] = error * DEPTH_SHARE;
        for (int k = 0; k < 3; k++) s.refined[j][k] = s.network[j][k] = in.joints[j][k];
    }
    EACH(f, 6) {
        const double* shape = in.shape_known != 0.0 ? in.shape : in.network_shape;
        if (f == 5) {
            scale_wrist(shape, s.offsets);
            s.lengths[0] = 0.0;
            for (int i = 0; i < 2; i++) {
                const double* w = s.offsets.wrist[i];
                s.lengths[1 + i] = norm3(w[0], w[1], w[2]);
            }
        } else {
            scale_finger(shape, f, s.offsets);
            const double* base = s.offsets.bases[f];
            s.lengths[FINGER_JOINTS[f][0]] = norm3(base[0], base[1], base[2]);
            for (int i = 0; i < 3; i++) s.lengths[FINGER_JOINTS[f][i + 1]] = s.offsets.lengths[f][i];
        }
    }
    __syncthreads();
    for (int pass = 0; pass < PASSES; pass++)
        for (int layer = 0; layer < LAYERS; layer++) regress_layer(s, crop, in, layer, pass > 0);
    EACH(t, JOINTS * 3) out.joints[t / 3][t % 3] = s.refined[t / 3][t % 3];
}
