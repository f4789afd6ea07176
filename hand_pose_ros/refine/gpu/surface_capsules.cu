// The surface fit's memory, the posed capsules, the pixels that are compared (surface_capsules.py, surface_observation.py).

#define MOTIONS 10
#define LOWER(r, c) ((r) * ((r) + 1) / 2 + (c))  // of a symmetric matrix' lower triangle, row by row
#define MOTION_SUMS (MOTIONS * (MOTIONS + 1) / 2 + MOTIONS)  // a segment's: the lower triangle, then the gradient
#define SAMPLE_ROWS (CAPSULE_COUNT * 3)
#define FIRST_SAMPLE POINTS
#define FIRST_JOINT (POINTS + SAMPLE_ROWS)
#define ROWS (FIRST_JOINT + JOINTS * 3)
#define ROW_WORDS ((ROWS + 3) / 4)
#define ENERGIES (ROWS + UNKNOWNS)
#define CHUNKS 16
#define TOTALS 7  // the energy, three counts of pixels, three of samples
#define NOTHING 0xff
#define NEAR 1
#define GOOD 2  // a pixel that is explained; a sample in free space
#define ON_SURFACE 4
#define BESIDE 8  // a sample for which the nearest pixel of the hand is to be found

struct State {
    double rotation[9], translation[3], angles[ANGLES], thickness, shape[SHAPE];
};

struct Fit {
    State state, trial;
    double mean[2][UNKNOWNS], precision[2][UNKNOWNS], shape_precision, residual[2][UNKNOWNS];
    double target[JOINTS][3], target_weight[JOINTS];
    Offsets<double> offsets;
    double joints[JOINTS][3], axes[ANGLES][3], ends[ENDS][3], base_offsets[5][2], table[CAPSULE_COUNT][10];
    double best_joints[JOINTS][3], counts[TOTALS], best_counts[TOTALS];
    double points[POINTS][3];
    unsigned char near[POINTS][FEW];
    double segments[SEGMENTS][MOTION_SUMS];
    double hessian[UNKNOWNS * (UNKNOWNS + 1) / 2], gradient[UNKNOWNS], step[UNKNOWNS];
    double low[3], high[3], trust, point_weight, sample_weight;
    double best, first, damping;
    int found, chosen, size, accept, stop, failed;
    union {
        struct {
            int counted[THREADS], before[CHUNKS * 2 + 1];
            unsigned short kept[SIZE * SIZE];
        } observe;
        struct {
            double jacobian[MOTIONS + 1][ROWS];  // times the root of the weight; last the residual
            double energy[ENERGIES], distance[POINTS], partial[TOTALS][CHUNKS];
            unsigned segment[ROW_WORDS];  // a byte a row
            unsigned char flags[FIRST_JOINT];
            int ring[SAMPLE_ROWS];
        } rows;
        struct {
            double columns[COLUMNS][MOTIONS], images[COLUMNS][MOTIONS];
        } gather;
        struct {
            double matrix[UNKNOWNS + 1][UNKNOWNS], root[UNKNOWNS];
        } solve;
    };
};

static __device__ void place_capsules(Fit& s, const State& state) {
    EACH(f, 6) place_part(f, state.rotation, state.translation, state.angles, state.shape, s.offsets, s.joints, s.axes);
    __syncthreads();
    EACH(e, ENDS) {
        if (e < JOINTS) {
            for (int k = 0; k < 3; k++) s.ends[e][k] = s.joints[e][k] - s.joints[0][k];
            continue;
        }
        double size = exp(state.shape[SHAPE_HAND]);
        double x = PALM_POINTS[e - JOINTS][0] * size * exp(state.shape[SHAPE_PALM_LENGTH]);
        double y = PALM_POINTS[e - JOINTS][1] * size * exp(state.shape[SHAPE_PALM_WIDTH]);
        double z = PALM_POINTS[e - JOINTS][2] * size;
        for (int k = 0; k < 3; k++)
            s.ends[e][k] = state.rotation[3 * k] * x + state.rotation[3 * k + 1] * y + state.rotation[3 * k + 2] * z;
    }
    __syncthreads();
    EACH(i, CAPSULE_COUNT) {
        double size = exp(state.shape[SHAPE_HAND]) * exp(state.thickness);
        int a = CAPSULES[i][1], b = CAPSULES[i][2];
        double* row = s.table[i];
        double x = s.ends[b][0] - s.ends[a][0], y = s.ends[b][1] - s.ends[a][1], z = s.ends[b][2] - s.ends[a][2];
        double length = norm3(x, y, z);
        length = length > 1e-6 ? length : 1e-6;
        for (int k = 0; k < 3; k++) row[k] = s.ends[a][k];
        row[3] = x / length, row[4] = y / length, row[5] = z / length, row[6] = length;
        double slope = limited((END_RADII[b] * size - END_RADII[a] * size) / length, -0.95, 0.95);
        row[7] = END_RADII[a] * size, row[8] = slope, row[9] = slope / sqrt(1.0 - slope * slope);
    }
    EACH(t, 10) {
        double total = 0.0;
        for (int k = 0; k < 3; k++) total += state.rotation[3 * k + t % 2] * s.ends[FINGER_JOINTS[t / 2][0]][k];
        s.base_offsets[t / 2][t % 2] = total;
    }
    __syncthreads();
}

static __device__ double capsule_distance(const double* row, double x, double y, double z, double& along_axis) {
    double px = x - row[0], py = y - row[1], pz = z - row[2];
    double along = px * row[3] + py * row[4] + pz * row[5];
    double across = px * px + py * py + pz * pz - along * along;
    across = across > 0.0 ? across : 0.0;
    double s = limited(along + sqrt(across) * row[9], 0.0, row[6]), off = along - s;
    along_axis = s;
    return sqrt(across + off * off) - row[7] - row[8] * s;
}

// The pixels within the box, in rows, evenly thinned out.
static __device__ void choose_points(Fit& s, const float* crop, double distance, double half) {
    int share = (SIZE * SIZE + blockDim.x - 1) / blockDim.x;
    for (int round = 0; round < 2; round++) {
        int count = 0, place = 0;
        if (round == 1) {
            int chunk = (blockDim.x + CHUNKS * 2 - 1) / (CHUNKS * 2), own = threadIdx.x / chunk;
            place = s.observe.before[own];
            for (int t = own * chunk; t < threadIdx.x; t++) place += s.observe.counted[t];
        }
        for (int i = threadIdx.x * share; i < (threadIdx.x + 1) * share && i < SIZE * SIZE; i++) {
            float d = crop[i];
            if (!(d >= -1.0f && d < 1.0f)) continue;
            double z = d * half;
            if (z < s.low[2] || z > s.high[2]) continue;
            double scale = half / distance * (distance + z);
            double x = ((2 * (i % SIZE) + 1) / (double)SIZE - 1.0) * scale;
            double y = ((2 * (i / SIZE) + 1) / (double)SIZE - 1.0) * scale;
            if (x < s.low[0] || x > s.high[0] || y < s.low[1] || y > s.high[1]) continue;
            if (round == 1) s.observe.kept[place + count] = (unsigned short)i;
            count++;
        }
        if (round == 1) break;
        s.observe.counted[threadIdx.x] = count;
        __syncthreads();
        EACH(c, CHUNKS * 2) {
            int chunk = (blockDim.x + CHUNKS * 2 - 1) / (CHUNKS * 2), total = 0;
            for (int t = c * chunk; t < (c + 1) * chunk && t < blockDim.x; t++) total += s.observe.counted[t];
            s.observe.before[c + 1] = total;
        }
        __syncthreads();
        EACH(t, 1) {
            s.observe.before[0] = 0;
            for (int c = 0; c < CHUNKS * 2; c++) s.observe.before[c + 1] += s.observe.before[c];
            s.found = s.observe.before[CHUNKS * 2];
            s.chosen = s.found < POINTS ? s.found : POINTS;
            double pixel = 2.0 * half / SIZE;
            double pixels = s.found / (double)(s.chosen > 0 ? s.chosen : 1) * (pixel * pixel) / PIXEL_AREA_M2;
            s.point_weight = s.trust * POINT_WEIGHT * pixels;
        }
        __syncthreads();
    }
    __syncthreads();
    EACH(n, s.chosen) {
        int i = s.observe.kept[(int)((n + 0.5) * s.found / s.chosen)];
        double z = crop[i] * half, scale = half / distance * (distance + z);
        s.points[n][0] = ((2 * (i % SIZE) + 1) / (double)SIZE - 1.0) * scale;
        s.points[n][1] = ((2 * (i / SIZE) + 1) / (double)SIZE - 1.0) * scale;
        s.points[n][2] = z;
    }
    __syncthreads();
}
